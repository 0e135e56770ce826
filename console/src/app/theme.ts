import {
  ActionIcon,
  Button,
  Checkbox,
  createTheme,
  Input,
  Kbd,
  type MantineColorsTuple,
  Menu,
  Modal,
  type CSSVariablesResolver,
  Tooltip,
} from "@mantine/core";

const ink: MantineColorsTuple = [
  "#e9eefc",
  "#d3dcf8",
  "#a9bcf2",
  "#8fabff",
  "#6a8bf0",
  "#4b6de0",
  "#2749b8",
  "#1f3c9c",
  "#19317f",
  "#122561",
];

/** Mantine's own variables point at our tokens, so a primitive we have not dressed still fits. */
export const cssVariables: CSSVariablesResolver = () => {
  const shared = {
    "--mantine-color-body": "var(--p-bg)",
    "--mantine-color-text": "var(--p-text)",
    "--mantine-color-dimmed": "var(--p-text-3)",
    "--mantine-color-default": "var(--p-bg)",
    "--mantine-color-default-hover": "var(--p-hover)",
    "--mantine-color-default-color": "var(--p-text)",
    "--mantine-color-default-border": "var(--p-line-strong)",
    "--mantine-color-placeholder": "var(--p-text-3)",
    "--mantine-color-error": "var(--p-fail)",
    "--mantine-primary-color-filled": "var(--p-accent-fill)",
  };
  return { variables: {}, light: shared, dark: shared };
};

export const theme = createTheme({
  colors: { ink },
  primaryColor: "ink",
  primaryShade: { light: 6, dark: 5 },
  fontFamily: "var(--p-font)",
  fontFamilyMonospace: "var(--p-mono)",
  defaultRadius: 6,
  cursorType: "pointer",
  respectReducedMotion: true,
  focusRing: "auto",
  components: {
    Button: Button.extend({
      defaultProps: { variant: "default", size: "xs" },
      classNames: { root: "p-button" },
    }),
    ActionIcon: ActionIcon.extend({
      defaultProps: { variant: "subtle" },
      classNames: { root: "p-icon-button" },
    }),
    Input: Input.extend({ classNames: { input: "p-input" } }),
    InputWrapper: Input.Wrapper.extend({
      classNames: { label: "p-label", description: "p-description", error: "p-error" },
    }),
    Checkbox: Checkbox.extend({
      defaultProps: { size: "xs" },
      classNames: { description: "p-check-description" },
    }),
    Menu: Menu.extend({
      defaultProps: { transitionProps: { duration: 80 }, position: "bottom-start", offset: 4 },
      classNames: { dropdown: "p-menu", item: "p-menu-item", label: "p-menu-label" },
    }),
    Tooltip: Tooltip.extend({
      defaultProps: { openDelay: 350, transitionProps: { duration: 80 } },
      classNames: { tooltip: "p-tooltip" },
    }),
    Kbd: Kbd.extend({ classNames: { root: "p-kbd" } }),
    Modal: Modal.extend({
      defaultProps: {
        transitionProps: { duration: 100, transition: "fade" },
        centered: false,
        closeButtonProps: { "aria-label": "Close" },
        yOffset: "9vh",
      },
      classNames: {
        content: "p-modal",
        header: "p-modal-header",
        title: "p-modal-title",
        body: "p-modal-body",
        overlay: "p-overlay",
      },
    }),
  },
});
