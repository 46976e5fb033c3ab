// `data-without-empty` on a form that asks for a page: fields that say nothing are left out of its address.
export function beginForms() {
  document.body.addEventListener("htmx:configRequest", (event) => {
    if (!event.target.matches("form[data-without-empty]")) return;
    const sent = event.detail.formData;
    for (const [name, value] of [...sent.entries()]) if (value === "") sent.delete(name);
  });
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form[data-without-empty]")) return;
    for (const field of event.target.elements) if (field.name && field.value === "") field.disabled = true;
  });
}
