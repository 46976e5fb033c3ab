// Makes an element what it is in a newer copy of the page, and touches only what differs: so focus, selection, scroll
// place and what was opened stay.
//   data-keep   is left as it is: what a person types into or has loaded
//   data-open   its `open` is the person's
//   data-grows  keeps children that the copy does not have: older ones were added below
export function morph(from, to) {
  if (from.isEqualNode(to) || from.hasAttribute("data-keep")) return from;
  if (from.tagName !== to.tagName) {
    from.replaceWith(to);
    return to;
  }
  for (const { name } of [...from.attributes]) {
    if (!to.hasAttribute(name) && !isPersons(from, name)) from.removeAttribute(name);
  }
  for (const { name, value } of to.attributes) {
    if (from.getAttribute(name) !== value && !isPersons(from, name)) from.setAttribute(name, value);
  }
  morphChildren(from, [...to.childNodes]);
  return from;
}

function isPersons(element, name) {
  return name === "open" && element.hasAttribute("data-open");
}

function morphChildren(parent, wanted) {
  const grows = parent.hasAttribute("data-grows");
  const named = new Set(wanted.map((node) => node.id).filter(Boolean));
  let place = parent.firstChild;
  for (const node of wanted) {
    if (grows && node.nodeType !== Node.ELEMENT_NODE) continue;
    const known = node.id ? childById(parent, node.id) : place && !place.id && isAlike(place, node) ? place : null;
    if (!known) {
      // All that is older is there.
      if (grows && node.hasAttribute("data-keep")) continue;
      if (node.id) node.classList.add("fresh");
      parent.insertBefore(node, place);
      continue;
    }
    // A node that is moved loses the focus: what is gone between is removed first.
    while (!grows && place !== known && !named.has(place.id)) place = removed(place);
    if (!grows && place !== known) parent.insertBefore(known, place);
    place = (known.nodeType === Node.ELEMENT_NODE ? morph(known, node) : setText(known, node)).nextSibling;
  }
  while (place && !grows) place = removed(place);
}

function removed(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}

function childById(parent, id) {
  return [...parent.children].find((child) => child.id === id);
}

function isAlike(one, other) {
  return one.nodeType === other.nodeType && one.nodeName === other.nodeName;
}

function setText(node, wanted) {
  if (node.nodeValue !== wanted.nodeValue) node.nodeValue = wanted.nodeValue;
  return node;
}
