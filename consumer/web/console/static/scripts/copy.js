// Copies the text of an element: `data-copy="ID"` on a button, which is hidden without scripts.
// `data-done`: what it says for a moment afterwards.
const MOMENT = 2000;

export function beginCopy() {
  const show = () => { for (const button of document.querySelectorAll("[data-copy]")) button.hidden = false; };
  show();
  document.addEventListener("refreshed", show);
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const source = document.getElementById(button.dataset.copy);
    const label = button.querySelector("span");
    const before = label.textContent;
    try {
      await navigator.clipboard.writeText(source.textContent);
    } catch {
      // Without permission, or on a page without TLS: select it, for the person to copy.
      getSelection().selectAllChildren(source);
      return;
    }
    if (before === button.dataset.done) return;
    label.textContent = button.dataset.done;
    document.getElementById("announcer").textContent = button.dataset.done;
    setTimeout(() => { label.textContent = before; }, MOMENT);
  });
}
