// Keeps what is shown in the page's address: `props.value` is all of it but the tab.
const names = new URLSearchParams(location.search);
let tab = names.get('tab');

function write() {
  const query = (props.value || '') + (tab ? `${props.value ? '&' : ''}tab=${tab}` : '');
  if (props.value) history.replaceState(null, '', `${location.pathname}?${query}`);
}

document.addEventListener('click', (event) => {
  const button = event.target.closest('[id^="tab-"][id$="-button"]');
  if (!button) return;
  tab = button.id.slice('tab-'.length, -'-button'.length);
  write();
});

function open() {
  const button = tab && document.getElementById(`tab-${CSS.escape(tab)}-button`);
  if (button && button.getAttribute('aria-selected') !== 'true') button.click();
}

let opened = false;
watch('value', () => {
  write();
  if (!opened) open();
  opened = true;
});
