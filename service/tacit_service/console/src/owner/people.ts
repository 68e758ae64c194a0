// Analysts and keys: who may ask, how much, with which key; and the owner's changes, each an entry of the journal.

import { owner } from "../api";
import { button, fill, h, toast, type Child } from "../dom";
import { amount, when } from "../format";
import { badge, copyText, formDialog, grid, meter, page, type Field, type Tone } from "../ui";
import type { DatasetFacts, Key, Me, NewKey, OwnedAccount } from "../wire";

const STATE: Record<OwnedAccount["state"], Tone> = { open: "good", frozen: "warn", closed: "bad" };

export async function peoplePage(facts: DatasetFacts, me: Me, may: boolean, signal: AbortSignal): Promise<HTMLElement> {
  const accounts = h("section", { class: "card" });
  const keys = h("section", { class: "card" });
  const draw = async (): Promise<void> => {
    const [found, made] = await Promise.all([owner.accounts(facts.name, signal), owner.keys(signal)]);
    fill(accounts, accountsView(facts, found, may, draw));
    fill(keys, keysView(me, made, may, draw));
  };
  await draw();
  return page("People", `Who may ask about ${facts.name}, how much of its budget is theirs, and with which keys.`, accounts, keys);
}

type Redraw = () => Promise<void>;

function accountsView(facts: DatasetFacts, accounts: OwnedAccount[], may: boolean, redraw: Redraw): Child {
  const done = (text: string): Promise<void> => redraw().then(() => toast(text));
  const add = (): void => formDialog("Give an account", "Up to so much may be learnt through this analyst's answers, ever. A limit that was given can be lowered later, and never raised past its first value.",
    [{ name: "analyst", label: "Name", help: "As the analyst's key or token carries it.", required: true }, { name: "epsilon", label: "Lifetime ε", required: true, numeric: true }, { name: "delta", label: "Lifetime δ", value: "1e-7", numeric: true }],
    "Give the account", async (asked) => { await owner.appoint(facts.name, asked); await done(`${asked.analyst} may ask`); });
  return [
    h("div", { class: "card-head" }, h("h2", null, "Accounts"), h("span", { class: "spacer" }), may ? [button("Transfer", () => transfer(facts, accounts, done)), button("Give an account", add, { class: "primary" })] : null),
    grid({ label: "Accounts", class: "wide", head: ["Account", "State", "Left", "", "Spent", "Limit", "Pace", ...(may ? [""] : [])], numbers: [2, 4, 5],
      rows: accounts.map((account) => {
        const whole = Number(account.limit.epsilon);
        const share = whole > 0 ? Number(account.remaining.epsilon) / whole : 0;
        return [account.analyst ?? h("strong", null, "the whole dataset"), [badge(account.state, STATE[account.state]), account.declared_by === "owner" ? [" ", badge("given by an owner")] : null],
          `ε ${amount(account.remaining.epsilon)}`, meter(share, `${Math.round(100 * share)} % left`), amount(account.spent.epsilon), amount(account.limit.epsilon),
          account.pace ? `ε ${amount(account.pace.epsilon)} a ${account.pace.period}` : "–", ...(may ? [actions(facts, account, done)] : [])];
      }) }),
  ];
}

function transfer(facts: DatasetFacts, accounts: OwnedAccount[], done: (text: string) => Promise<void>): void {
  const names = accounts.flatMap((account): [string, string][] => account.analyst ? [[account.analyst, account.analyst]] : []);
  formDialog("Transfer unspent ε", "From one analyst to another, up to the taker's first limit.",
    [{ name: "giver", label: "From", options: names }, { name: "taker", label: "To", options: names, value: names[1]?.[0] ?? "" }, { name: "epsilon", label: "ε", required: true, numeric: true }],
    "Transfer", async (asked) => { await owner.transfer(facts.name, asked); await done("Transferred"); });
}

function actions(facts: DatasetFacts, account: OwnedAccount, done: (text: string) => Promise<void>): Child {
  const who = account.analyst ?? "the whole dataset";
  const of = account.analyst === null ? {} : { analyst: account.analyst };
  const reason: Field = { name: "reason", label: "Reason", help: "It stays in the journal.", required: true };
  const set = (state: OwnedAccount["state"], word: string, about: string) => () => formDialog(`${word} ${who}?`, about, [reason], word, async (asked) => {
    await owner.state(facts.name, { ...of, ...asked, state });
    await done(`${who}: ${state}`);
  }, state === "closed");
  const pace = (): void => formDialog(`Pace ${who}`, "At most so much in one period, under the lifetime limit. It slows spending; it never gives anything back.",
    [{ name: "period", label: "Period", options: [["day", "a day"], ["month", "a month"], ["none", "no pace"]], value: account.pace?.period ?? "day" }, { name: "epsilon", label: "ε", value: account.pace?.epsilon ?? "", numeric: true }],
    "Set the pace", async (asked) => { await owner.pace(facts.name, { ...of, period: asked.period, epsilon: asked.period === "none" ? "0" : asked.epsilon }); await done(`${who}: pace set`); });
  const change = (): void => formDialog(`Change ${who}'s limit`, "Under the limit that the account began with.", [{ name: "epsilon", label: "Lifetime ε", value: account.limit.epsilon, required: true, numeric: true }],
    "Change it", async (asked) => { await owner.appoint(facts.name, { ...of, epsilon: asked.epsilon, delta: account.limit.delta }); await done(`${who}: limit changed`); });
  if (account.state === "closed") return null;
  return menu(`Change ${who}`, [
    account.declared_by === "owner" ? button("Limit", change) : null, button("Pace", pace),
    account.state === "open" ? button("Freeze", set("frozen", "Freeze", "Charges are refused until it is thawed.")) : button("Thaw", set("open", "Thaw", "Charges are taken again.")),
    button("Close", set("closed", "Close", "Charges are refused for good: a closed account stays closed."))]);
}

const menu = (label: string, items: Child[]): HTMLElement => h("div", { class: "bar tight", role: "group", "aria-label": label }, items);

function keysView(me: Me, keys: Key[], may: boolean, redraw: Redraw): Child {
  const now = Date.now();
  const live = (key: Key): boolean => !key.revoked_at && !(key.expires_at && Date.parse(key.expires_at) < now);
  const add = (): void => formDialog("Make a key", "Its secret is shown once. It opens what it grants, until it ends or is revoked.",
    [{ name: "principal", label: "Holder", help: "Analysts need an account of the same name.", required: true }, { name: "role", label: "Role", options: [["analyst", "analyst: asks questions"], ["owner", "owner: gives keys and accounts"], ["auditor", "auditor: reads what was spent"]] },
      { name: "datasets", label: "Datasets", value: me.datasets.join(", "), help: "Names, with commas; * grants all.", required: true }, { name: "days", label: "Ends after days", help: "Empty: when it is revoked.", numeric: true }],
    "Make the key", async (asked) => { secret(await owner.addKey({ principal: asked.principal, role: asked.role, datasets: names(asked.datasets), ...(asked.days ? { days: Number(asked.days) } : {}) })); await redraw(); });
  return [
    h("div", { class: "card-head" }, h("h2", null, "Keys"), h("span", { class: "spacer" }), may ? button("Make a key", add, { class: "primary" }) : null),
    grid({ label: "Keys", class: "wide", head: ["Holder", "Role", "Grants", "Made", "State", ...(may ? [""] : [])],
      rows: [...keys].sort((a, b) => Number(live(b)) - Number(live(a))).map((key) => [
        [h("div", null, key.principal), h("code", { class: "muted" }, key.key_id)], key.role, key.datasets.join(", "), h("span", { class: "when" }, when(key.created_at)),
        key.revoked_at ? badge("revoked", "bad") : !live(key) ? badge("ended") : key.expires_at ? badge(`until ${when(key.expires_at)}`, "good") : badge("open", "good"),
        ...(may ? [live(key) ? keyActions(me, key, redraw) : null] : [])]) }),
  ];
}

function keyActions(me: Me, key: Key, redraw: Redraw): Child {
  const rotate = (): void => formDialog(`Rotate ${key.principal}'s key`, "A new key of the same holder, role and grants.", [{ name: "hours", label: "The old one opens for so many hours more", value: "0", numeric: true }], "Rotate", async (asked) => {
    secret(await owner.rotate(key.key_id, { overlap_hours: Number(asked.hours) }));
    await redraw();
  });
  const grants = (): void => formDialog(`What ${key.principal}'s key grants`, null, [{ name: "datasets", label: "Datasets", value: key.datasets.join(", "), help: "Names, with commas; * grants all.", required: true }], "Change grants", async (asked) => {
    await owner.grant(key.key_id, { datasets: names(asked.datasets) });
    await redraw();
  });
  const own = key.key_id === me.key_id;
  const revoke = (): void => formDialog(`Revoke ${key.principal}'s key?`, own ? "This is the key that you are using: you will be signed out." : "It stops working at once, for good.", [], "Revoke", async () => { await owner.revoke(key.key_id); await redraw(); }, true);
  return menu(`Change ${key.principal}'s key`, [button("Rotate", rotate), button("Grants", grants), button("Revoke", revoke)]);
}

const names = (text: string | undefined): string[] => (text ?? "").split(/[\s,]+/).filter(Boolean);

// The one moment at which a secret is on the page.
function secret(made: NewKey): void {
  const dialog = h("dialog", { "aria-labelledby": "secret-title" });
  const end = (): void => { dialog.close(); dialog.remove(); };
  fill(dialog, h("h2", { id: "secret-title" }, `The key of ${made.key.principal}`), h("p", { class: "about" }, "Shown this once and stored nowhere. Hand it over by a way that only they can read."),
    h("code", { class: "secret", tabindex: 0, "aria-label": "Secret" }, made.secret), h("div", { class: "bar end" }, button("Copy", () => copyText(made.secret)), button("Done", end, { class: "primary" })));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

