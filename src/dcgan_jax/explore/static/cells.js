// Numbered samples, cut out of one picture. `props` holds what Python gives:
//   value {url, columns, count, width, height}, zoom, marks {letter: [numbers]},
//   captions [text] and boxes [[sample, x, y, width, height]].
// A click on a sample triggers 'select'; with `data-draws`, dragging changes the boxes
// instead and triggers 'input'.
const area = element.querySelector('.cells');
const draws = 'draws' in area.dataset;
let drag = null;
let boxes = [];

const readZoom = () => Number(props.zoom || area.dataset.zoom);
const clamp = (value, most) => Math.min(Math.max(value, 0), most);

function build() {
  const sprite = props.value || {count: 0};
  area.replaceChildren();
  for (let number = 0; number < sprite.count; number++) {
    const cell = document.createElement(draws ? 'div' : 'button');
    cell.className = 'cell';
    cell.dataset.number = number;
    cell.setAttribute('aria-label', `sample ${number}`);
    for (const name of ['image', 'badges', 'caption']) {
      const part = document.createElement('span');
      part.className = name;
      cell.append(part);
    }
    area.append(cell);
  }
  scale();
  caption();
  mark();
  boxes = (props.boxes || []).map((box) => [...box]);
  showBoxes();
}

function scale() {
  const {url, columns, count, width, height} = props.value || {count: 0};
  const zoom = readZoom();
  for (const cell of area.children) {
    const number = Number(cell.dataset.number);
    const image = cell.querySelector('.image');
    const left = (number % columns) * width * zoom;
    const top = Math.floor(number / columns) * height * zoom;
    image.style.width = `${width * zoom}px`;
    image.style.height = `${height * zoom}px`;
    image.style.backgroundImage = `url("${url}")`;
    image.style.backgroundPosition = `-${left}px -${top}px`;
    image.style.backgroundSize = `${columns * width * zoom}px auto`;
  }
  area.dataset.count = count;
  showBoxes();
}

function caption() {
  const captions = props.captions || [];
  for (const cell of area.children) {
    const number = Number(cell.dataset.number);
    const text = captions[number] ? `${number} · ${captions[number]}` : `${number}`;
    cell.querySelector('.caption').textContent = text;
  }
}

function mark() {
  const marks = Object.entries(props.marks || {});
  for (const cell of area.children) {
    const number = Number(cell.dataset.number);
    const letters = marks.filter(([, numbers]) => numbers.includes(number));
    const badges = letters.map(([letter]) => {
      const badge = document.createElement('i');
      badge.textContent = letter;
      badge.dataset.concept = letter;
      return badge;
    });
    cell.querySelector('.badges').replaceChildren(...badges);
    cell.classList.toggle('picked', badges.length > 0);
    cell.dataset.concepts = letters.map(([letter]) => letter).join(' ');
  }
}

function showBoxes() {
  const zoom = readZoom();
  area.querySelectorAll('.box').forEach((box) => box.remove());
  boxes.forEach(([sample, x, y, width, height], index) => {
    const image = area.querySelector(`[data-number="${sample}"] .image`);
    if (!image) return;
    const box = document.createElement('b');
    box.className = 'box';
    box.dataset.index = index;
    box.title = 'click to delete';
    Object.assign(box.style, {
      left: `${x * zoom}px`, top: `${y * zoom}px`,
      width: `${width * zoom}px`, height: `${height * zoom}px`,
    });
    image.append(box);
  });
}

function locate(event, image) {
  const zoom = readZoom();
  const edge = image.getBoundingClientRect();
  const {width, height} = props.value;
  return [
    clamp((event.clientX - edge.left) / zoom, width),
    clamp((event.clientY - edge.top) / zoom, height),
  ];
}

function span([x, y], [toX, toY]) {
  const round = (value) => Math.round(value * 100) / 100;
  const [left, top] = [Math.min(x, toX), Math.min(y, toY)].map(round);
  return [left, top, round(Math.max(x, toX) - left), round(Math.max(y, toY) - top)];
}

function change(changed) {
  boxes = changed;
  showBoxes();
  trigger('input', {boxes});
}

area.addEventListener('click', (event) => {
  const cell = event.target.closest('.cell');
  if (cell && !draws) trigger('select', {number: Number(cell.dataset.number)});
});

area.addEventListener('pointerdown', (event) => {
  const image = event.target.closest('.image');
  if (!draws || !image || event.button !== 0) return;
  event.preventDefault();
  const sample = Number(image.parentElement.dataset.number);
  drag = {image, sample, from: locate(event, image), hit: event.target.closest('.box')};
  area.setPointerCapture(event.pointerId);
});

area.addEventListener('pointermove', (event) => {
  if (!drag) return;
  const [x, y, width, height] = span(drag.from, locate(event, drag.image));
  const zoom = readZoom();
  drag.rubber ||= drag.image.appendChild(document.createElement('b'));
  drag.rubber.className = 'box drawn';
  Object.assign(drag.rubber.style, {
    left: `${x * zoom}px`, top: `${y * zoom}px`,
    width: `${width * zoom}px`, height: `${height * zoom}px`,
  });
});

area.addEventListener('pointerup', (event) => {
  if (!drag) return;
  const box = span(drag.from, locate(event, drag.image));
  const {sample, hit} = drag;
  drag.rubber?.remove();
  drag = null;
  // Less than a pixel is a click, which deletes the box under it.
  if (box[2] >= 1 && box[3] >= 1) change([...boxes, [sample, ...box]]);
  else if (hit) change(boxes.filter((_, index) => index !== Number(hit.dataset.index)));
});

area.addEventListener('pointercancel', () => {
  drag?.rubber?.remove();
  drag = null;
});

watch('value', build);
watch('zoom', scale);
watch('captions', caption);
watch('marks', mark);
watch('boxes', () => {
  boxes = (props.boxes || []).map((box) => [...box]);
  showBoxes();
});
build();
