// Asks for consent, until the visitor has answered. The tracker remembers the answer.
if (!localStorage.getItem("engagement.consent")) {
  const banner = document.createElement("div");
  banner.id = "consent";
  banner.textContent = "May we record which pages you view? ";
  for (const [id, text, given] of [["accept", "Yes", true], ["deny", "No", false]]) {
    const button = document.createElement("button");
    button.id = id;
    button.textContent = text;
    button.addEventListener("click", () => {
      (window.engagement = window.engagement || []).push(["consent", given]);
      banner.remove();
    });
    banner.append(button);
  }
  document.body.append(banner);
}
