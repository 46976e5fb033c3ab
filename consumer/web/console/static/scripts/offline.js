// Says that the browser is offline, as long as it is.
export function beginOffline() {
  const notice = document.getElementById("offline");
  const show = () => { notice.hidden = navigator.onLine; };
  window.addEventListener("online", show);
  window.addEventListener("offline", show);
  show();
}
