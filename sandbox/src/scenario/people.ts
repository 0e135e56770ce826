import type { Random } from "#sandbox/random.ts";

const FIRST = [
  "Harbor",
  "Cedar",
  "North",
  "Bright",
  "Silver",
  "Quiet",
  "Amber",
  "River",
  "Granite",
  "Maple",
  "Copper",
  "Juniper",
  "Summit",
  "Coral",
  "Willow",
  "Iron",
  "Velvet",
  "Orchard",
  "Beacon",
  "Prairie",
] as const;
const SECOND = [
  "Labs",
  "Works",
  "Logistics",
  "Dental",
  "Studio",
  "Freight",
  "Analytics",
  "Bakery",
  "Systems",
  "Clinic",
  "Robotics",
  "Energy",
  "Press",
  "Foods",
  "Design",
  "Software",
] as const;
const GIVEN = [
  "Ada",
  "Bruno",
  "Chidi",
  "Dana",
  "Elif",
  "Farah",
  "Goran",
  "Hana",
  "Ines",
  "Jonas",
  "Kofi",
  "Lena",
  "Mateo",
  "Nia",
  "Omar",
  "Priya",
] as const;

export interface Person {
  readonly company: string;
  readonly email: string;
  readonly slug: string;
}

/** A made-up company with its contact; the number keeps them apart. */
export function inventPerson(random: Random, number: number): Person {
  const first = random.pick(FIRST);
  const second = random.pick(SECOND);
  const slug = `${first}-${second}-${number}`.toLowerCase();
  return {
    company: `${first} ${second}`,
    email: `${random.pick(GIVEN).toLowerCase()}@${slug}.example.com`,
    slug,
  };
}
