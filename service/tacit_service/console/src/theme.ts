// Light, dark, or as the system says. The choice is the only thing that the console keeps beyond the tab.

const THEME = "tacit.theme";

const current = (): string => document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
const told = (): void => { document.dispatchEvent(new Event("tacit:theme")); };

export function startTheme(): void {
  const kept = localStorage.getItem(THEME);
  if (kept === "dark" || kept === "light") document.documentElement.dataset.theme = kept;
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", told);
}

export function toggleTheme(): void {
  const next = current() === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  localStorage.setItem(THEME, next);
  told();
}
