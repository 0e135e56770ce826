import { Kbd, Modal } from "@mantine/core";

import { useAllKeys } from "./keys.ts";

const SHOWN: Readonly<Record<string, string>> = {
  Enter: "↵",
  Escape: "Esc",
  ArrowDown: "↓",
  ArrowUp: "↑",
};
const modKey = /mac|iphone|ipad/iu.test(navigator.userAgent) ? "⌘" : "Ctrl";

/** Keys as caps: "g i" is two presses, "mod+k" is one. */
export function KeyCaps({ keys }: { readonly keys: string }) {
  return (
    <span style={{ whiteSpace: "nowrap" }}>
      {keys.split(" ").map((press, at) => (
        <span key={press + String(at)}>
          {at > 0 ? " " : ""}
          {press.split("+").map((part) => (
            <Kbd key={part} mr={2}>
              {part === "mod" ? modKey : (SHOWN[part] ?? part.toUpperCase())}
            </Kbd>
          ))}
        </span>
      ))}
    </span>
  );
}

interface KeysHelpProps {
  readonly opened: boolean;
  readonly onClose: () => void;
}

/** All keys that work here, by group. */
export function KeysHelp({ opened, onClose }: KeysHelpProps) {
  const all = useAllKeys().filter((each) => each.label !== "");
  const groups = [...new Set(all.map((each) => each.group))];
  return (
    <Modal opened={opened} onClose={onClose} title="Keys" size="md">
      {groups.map((group) => (
        <section key={group} aria-label={group}>
          <h3 style={{ margin: "12px 0 4px" }}>{group}</h3>
          <ul>
            {all
              .filter((each) => each.group === group)
              .map((each) => (
                <li key={each.keys} className="keys-row">
                  <span>{each.label}</span>
                  <KeyCaps keys={each.keys} />
                </li>
              ))}
          </ul>
        </section>
      ))}
    </Modal>
  );
}
