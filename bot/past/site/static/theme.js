// Dark or light: as the system has it, or as the button was pressed last.
"use strict";
window.perflint = window.perflint || {};
{
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  // A page from a file may be without storage: the button then holds as long as the page.
  let chosen = null;
  try { chosen = localStorage.getItem("perflint-theme"); } catch { /* as the system has it */ }

  const show = () => {
    root.dataset.theme = chosen || (system.matches ? "dark" : "light");
    const button = document.getElementById("theme");
    if (button) {
      button.hidden = false;
      button.textContent = root.dataset.theme === "dark" ? "Light" : "Dark";
      button.setAttribute("aria-label", `Switch to ${button.textContent.toLowerCase()} colours`);
    }
    dispatchEvent(new Event("perflint-theme"));
  };
  show();
  system.addEventListener("change", show);
  document.addEventListener("DOMContentLoaded", () => {
    show();
    document.getElementById("theme").addEventListener("click", () => {
      chosen = root.dataset.theme === "dark" ? "light" : "dark";
      try { localStorage.setItem("perflint-theme", chosen); } catch { /* it is not kept */ }
      show();
    });
  });
}
