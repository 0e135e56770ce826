import { defineProblem } from "#platform/problem.ts";

export const crossSite = defineProblem({
  code: "access/cross-site",
  status: 403,
  title: "This request came from another site.",
});
export const outOfScope = defineProblem({
  code: "access/out-of-scope",
  status: 403,
  title: "This token may not call that operation.",
});
export const tooManyAttempts = defineProblem({
  code: "access/too-many-attempts",
  status: 429,
  title: "Too many failed sign-ins.",
});
export const staffNotFound = defineProblem({
  code: "access/staff-not-found",
  status: 404,
  title: "There is no such member of staff.",
});
export const tokenNotFound = defineProblem({
  code: "access/token-not-found",
  status: 404,
  title: "There is no such token.",
});
export const lastOwner = defineProblem({
  code: "access/last-owner",
  status: 409,
  title: "A workspace keeps at least one owner.",
});
export const morePower = defineProblem({
  code: "access/more-power",
  status: 403,
  title: "Nobody gives away more power than they have.",
});
export const alreadyStaff = defineProblem({
  code: "access/already-staff",
  status: 409,
  title: "This person is a member of staff already.",
});
export const tokenExpiryPast = defineProblem({
  code: "access/expiry-in-the-past",
  status: 422,
  title: "The token would have expired before it was made.",
});
export const wrongCredentials = defineProblem({
  code: "access/wrong-credentials",
  status: 401,
  title: "E-mail or password is wrong.",
});
export const addressTaken = defineProblem({
  code: "access/address-taken",
  status: 409,
  title: "This address has a sign-in already.",
});
export const signInBusy = defineProblem({
  code: "access/sign-in-busy",
  status: 429,
  title: "Too many people sign in at this moment.",
});
export const noMail = defineProblem({
  code: "access/no-mail",
  status: 501,
  title: "A password cannot be reset by mail: Purser sends none yet.",
});
