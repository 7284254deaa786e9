// What every page has: "/" goes to the search box, the theme switch, the account menu that closes.

const typing = (element) => element.closest("input, textarea, select, [contenteditable]") !== null;

function searchKey() {
  const box = document.querySelector("[data-search]");
  if (!box) return;
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    event.preventDefault();
    box.focus();
    box.select();
  });
}

function themeSwitch() {
  const root = document.documentElement;
  for (const button of document.querySelectorAll("[data-theme-switch]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const theme = root.getAttribute("data-bs-theme") === "dark" ? "light" : "dark";
      root.setAttribute("data-bs-theme", theme);
      try {
        localStorage.setItem("theme", theme);
      } catch {
        // the choice then lasts for this page
      }
    });
  }
}

function accountMenu() {
  const menu = document.querySelector("details.account");
  if (!menu) return;
  document.addEventListener("click", (event) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
}

searchKey();
themeSwitch();
accountMenu();
