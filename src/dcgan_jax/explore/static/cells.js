// Numbered samples, a picture each. `props` holds what Python gives:
//   value {places, count, width, height, own [numbers]}: where the pictures are, of
//     one generator or of several that stand side by side, and their pixels;
//   zoom, marks {letter: [numbers]}, captions [text];
//   boxes [[sample, x, y, width, height]].
// A click on a sample puts it into the concept that is checked in `data-concepts`, or
// takes it out, and triggers 'select' with all marks; with `data-draws`, boxes are drawn instead,
// by dragging or by keys, and each change triggers 'input'.
const area = element.querySelector('.cells');
const PART_MILLISECONDS = 6;
const PART_CELLS = 125;
const draws = 'draws' in area.dataset;
let boxes = [];
let drag = null; // of the pointer
let held = null; // a box that keys move: {cell, box}
let badged = []; // cells that have marks
let marks = {};
let clicks = 0; // events may arrive in another order than that of the clicks

const readZoom = () => Number(props.zoom || props.value?.zoom || 1);
const clamp = (value, least, most) => Math.min(Math.max(value, least), most);
const find = (number) => area.querySelector(`[data-number="${number}"]`);
const copy = (given) => (given || []).map((box) => [...box]);

function make(name, className, parent) {
  const part = document.createElement(name);
  part.className = className;
  parent.append(part);
  return part;
}

function makePattern({places, width, height}) {
  const cell = document.createElement(draws ? 'div' : 'button');
  cell.className = 'cell';
  cell.tabIndex = -1;
  if (draws) cell.setAttribute('role', 'button');
  else cell.setAttribute('aria-pressed', 'false');
  const image = make('span', 'image', cell);
  for (const _ of places) {
    const picture = make('img', '', image);
    Object.assign(picture, {loading: 'lazy', alt: '', draggable: false, width, height});
  }
  make('span', 'badges', cell);
  make('span', 'caption', cell);
  return cell;
}

function build() {
  const value = {places: [], own: [], count: 0, width: 0, height: 0, ...props.value};
  const at = area.querySelector('[tabindex="0"]')?.dataset.number;
  const focused = area.contains(document.activeElement);
  area.replaceChildren();
  area.style.setProperty('--width', value.width);
  area.style.setProperty('--height', value.height);
  area.style.setProperty('--side-by-side', value.places.length || 1);
  area.style.setProperty('--zoom', readZoom());
  area.dataset.count = value.count;
  badged = [];
  marks = {...(props.value?.marks || {})};
  held = null;
  boxes = copy(value.boxes);
  const pattern = makePattern(value);
  const numbers = [...value.own, ...Array(value.count).keys()];
  // A part in each frame, so that the page answers meanwhile.
  const add = (first) => {
    if (props.value !== building) return; // another wall has come
    const end = performance.now() + PART_MILLISECONDS;
    const rows = document.createDocumentFragment();
    let index = first;
    const most = Math.min(numbers.length, first + PART_CELLS);
    while (index < most && performance.now() < end) {
      const cell = pattern.cloneNode(true);
      cell.dataset.number = numbers[index];
      cell.querySelectorAll('img').forEach((picture, side) => {
        picture.src = `${value.places[side]}/${numbers[index]}.png`;
      });
      rows.append(cell);
      index += 1;
    }
    area.append(rows);
    caption(first);
    if (index < numbers.length) return requestAnimationFrame(() => add(index));
    mark();
    showBoxes();
    const current = find(at) || area.firstElementChild;
    if (current) current.tabIndex = 0;
    if (current && focused) current.focus();
    offer(current);
    const whole = element.querySelector('#save-wall');
    if (whole) whole.href = `${value.places[0]}/wall.png?count=${value.count}`;
  };
  const building = props.value;
  add(0);
}

function scale() {
  area.style.setProperty('--zoom', readZoom());
  showBoxes();
}

function caption(from = 0) {
  const captions = props.captions || props.value?.captions || [];
  const first = (props.value?.own || []).length;
  for (let index = from; index < area.children.length; index++) {
    const cell = area.children[index];
    const name = index < first ? `own ${index + 1}` : cell.dataset.number;
    const text = index >= first && captions[index - first];
    cell.lastElementChild.textContent = text ? `${name} · ${text}` : name;
    cell.setAttribute('aria-label', index < first ? name : `sample ${name}`);
  }
}

function mark() {
  for (const cell of badged) {
    cell.querySelector('.badges').replaceChildren();
    cell.classList.remove('picked');
    if (!draws) cell.setAttribute('aria-pressed', 'false');
    cell.dataset.concepts = '';
  }
  badged = [];
  for (const [letter, numbers] of Object.entries(marks)) {
    for (const cell of numbers.map(find)) {
      if (!cell) continue;
      const badge = make('i', '', cell.querySelector('.badges'));
      badge.textContent = letter;
      badge.dataset.concept = letter;
      cell.classList.add('picked');
      const before = cell.dataset.concepts;
      cell.dataset.concepts = before ? `${before} ${letter}` : letter;
      if (!draws) cell.setAttribute('aria-pressed', 'true');
      badged.push(cell);
    }
  }
}

function place(part, [x, y, width, height]) {
  const zoom = readZoom();
  const sides = {left: x, top: y, width, height};
  for (const [name, value] of Object.entries(sides)) part.style[name] = `${value * zoom}px`;
}

function showBoxes() {
  area.querySelectorAll('.box').forEach((box) => box.remove());
  boxes.forEach(([sample, ...box], index) => {
    const image = find(sample)?.querySelector('.image');
    if (!image) return;
    const part = make('b', 'box', image);
    part.dataset.index = index;
    part.title = 'click to delete';
    place(part, box);
  });
  if (held) place(make('b', 'box drawn', held.cell.querySelector('.image')), held.box);
}

function change(changed) {
  boxes = changed;
  showBoxes();
  trigger('input', {boxes});
}

// One Tab leads into the samples and the next one out; arrows move among them.
function move(from, key) {
  const cells = [...area.children];
  const index = cells.indexOf(from);
  const columns = cells.filter((cell) => cell.offsetTop === cells[0].offsetTop).length;
  const steps = {
    ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns,
    PageUp: -5 * columns, PageDown: 5 * columns, Home: -index, End: cells.length,
  };
  if (!(key in steps)) return false;
  const to = index + steps[key];
  const isJump = !key.startsWith('Arrow');
  focusOn(cells[isJump ? clamp(to, 0, cells.length - 1) : to] || from);
  return true;
}

function focusOn(cell) {
  area.querySelectorAll('[tabindex="0"]').forEach((other) => { other.tabIndex = -1; });
  cell.tabIndex = 0;
  cell.focus();
}

// Enter begins a box and ends it; arrows move it, with Shift they change its size.
function draw(cell, event) {
  const {width, height} = props.value;
  const sample = Number(cell.dataset.number);
  if (event.key === 'Enter' || event.key === ' ') {
    const box = held?.box;
    held = box ? null : {cell, box: [width / 4, height / 4, width / 2, height / 2]};
    if (box) change([...boxes, [sample, ...box]]);
  } else if (event.key === 'Escape' && held) {
    held = null;
  } else if (['Delete', 'Backspace'].includes(event.key) && !held) {
    const last = boxes.findLastIndex(([other]) => other === sample);
    if (last >= 0) change(boxes.filter((_, index) => index !== last));
  } else if (held && event.key.startsWith('Arrow')) {
    const along = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1],
      ArrowDown: [0, 1]}[event.key];
    const [x, y, w, h] = held.box;
    held.box = event.shiftKey
      ? [x, y, clamp(w + along[0], 1, width - x), clamp(h + along[1], 1, height - y)]
      : [clamp(x + along[0], 0, width - w), clamp(y + along[1], 0, height - h), w, h];
  } else {
    return false;
  }
  showBoxes();
  return true;
}

area.addEventListener('keydown', (event) => {
  const cell = event.target.closest('.cell');
  if (!cell || event.ctrlKey || event.metaKey || event.altKey) return;
  if ((draws && draw(cell, event)) || move(cell, event.key)) event.preventDefault();
});

area.addEventListener('focusin', (event) => {
  const cell = event.target.closest('.cell');
  if (!cell) return;
  offer(cell);
  if (held && cell !== held.cell) {
    held = null;
    showBoxes();
  }
  if (cell && cell.tabIndex < 0) focusOn(cell);
});

area.addEventListener('click', (event) => {
  const cell = event.target.closest('.cell');
  const letter = draws || document.querySelector(
    `${area.dataset.concepts} input:checked`)?.value;
  if (!cell || draws || !letter) return;
  const number = Number(cell.dataset.number);
  const before = marks[letter] || [];
  const others = before.filter((other) => other !== number);
  const isNew = others.length === before.length;
  marks = {...marks, [letter]: isNew ? [...before, number] : others};
  mark();
  clicks += 1;
  trigger('select', {number, marks, clicks, place: props.value.places[0]});
});

// Links below the samples save them.
function offer(cell) {
  const link = element.querySelector('#save-sample');
  const image = cell?.querySelector('img');
  if (!link || !image) return;
  const name = cell.getAttribute('aria-label');
  link.href = image.src;
  link.download = `${name.replace(' ', '-')}.png`;
  link.textContent = `Save ${name}`;
}

function locate(event, image) {
  const edge = image.getBoundingClientRect();
  const {width, height} = props.value;
  return [
    clamp((event.clientX - edge.left) / readZoom(), 0, width),
    clamp((event.clientY - edge.top) / readZoom(), 0, height),
  ];
}

function span([x, y], [toX, toY]) {
  const round = (value) => Math.round(value * 100) / 100;
  const [left, top] = [Math.min(x, toX), Math.min(y, toY)].map(round);
  return [left, top, round(Math.max(x, toX) - left), round(Math.max(y, toY) - top)];
}

area.addEventListener('pointerdown', (event) => {
  const image = event.target.closest('.image');
  if (!draws || !image || event.button !== 0) return;
  event.preventDefault();
  focusOn(image.parentElement);
  const sample = Number(image.parentElement.dataset.number);
  drag = {image, sample, from: locate(event, image), hit: event.target.closest('.box')};
  area.setPointerCapture(event.pointerId);
});

area.addEventListener('pointermove', (event) => {
  if (!drag) return;
  drag.rubber ||= make('b', 'box drawn', drag.image);
  place(drag.rubber, span(drag.from, locate(event, drag.image)));
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
watch('marks', () => {
  marks = {...(props.marks || {})};
  mark();
});
watch('boxes', () => {
  boxes = copy(props.boxes);
  showBoxes();
});
build();
