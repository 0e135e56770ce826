import type { CustomerSnapshot, PriceSnapshot, ProductSnapshot } from "./model.ts";
import type { Law } from "./stamp.core.ts";

export const customerLaw: Law<CustomerSnapshot> = {
  isTerminal: ({ deleted }) => deleted,
  rank: () => 0,
  ranksProve: () => false,
  fieldOf: (customer, field) => {
    switch (field) {
      case "name":
        return customer.name;
      case "email":
        return customer.email;
      case "phone":
        return customer.phone;
      case "description":
        return customer.description;
      case "balance":
        return customer.balanceMinor;
      case "delinquent":
        return customer.delinquent;
      case "currency":
        return customer.currency;
      default:
        return undefined;
    }
  },
};

export const productLaw: Law<ProductSnapshot> = {
  isTerminal: ({ deleted }) => deleted,
  rank: () => 0,
  ranksProve: () => false,
  fieldOf: (product, field) => {
    switch (field) {
      case "name":
        return product.name;
      case "active":
        return product.active;
      default:
        return undefined;
    }
  },
};

export const priceLaw: Law<PriceSnapshot> = {
  isTerminal: ({ deleted }) => deleted,
  rank: () => 0,
  ranksProve: () => false,
  fieldOf: (price, field) => {
    switch (field) {
      case "active":
        return price.active;
      case "nickname":
        return price.nickname;
      case "lookup_key":
        return price.lookupKey;
      default:
        return undefined;
    }
  },
};
