// The film of a run: `props.value` is {steps: […]}; a frame is fetched when it is shown.
const [image, slider, button, label] = ['img', 'input', 'button', 'output'].map(
  (name) => element.querySelector(name));
const frames = new Map();
let steps = [];
let run = '';
let playing = null;

async function show() {
  const step = steps[Number(slider.value)];
  if (step === undefined) return;
  if (!frames.has(step)) frames.set(step, await server.frame(`${run}/${step}`));
  if (step !== steps[Number(slider.value)]) return; // moved on meanwhile
  image.src = frames.get(step);
  image.dataset.step = step;
  label.textContent = `step ${step.toLocaleString('en')}`;
}

function stop() {
  clearInterval(playing);
  playing = null;
  button.textContent = '▶ Play';
}

async function advance() {
  const last = Number(slider.value) >= steps.length - 1;
  if (last) return stop();
  slider.value = Number(slider.value) + 1;
  await show();
}

function play() {
  if (playing) return stop();
  if (Number(slider.value) >= steps.length - 1) slider.value = 0;
  button.textContent = '■ Stop';
  playing = setInterval(advance, 150);
}

async function follow() {
  const atEnd = Number(slider.value) >= steps.length - 1;
  steps = (props.value && props.value.steps) || [];
  if (props.value?.run !== run) frames.clear();
  run = props.value?.run;
  element.querySelector('.film').hidden = steps.length === 0;
  slider.max = Math.max(steps.length - 1, 0);
  if (atEnd && !playing) slider.value = slider.max;
  await show();
}

slider.addEventListener('input', show);
button.addEventListener('click', play);
watch('value', follow);
follow();
