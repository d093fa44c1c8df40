// Draws the rows of a Tabulator table that can be seen, and no others.
//
// Tabulator's own virtual renderer guesses where rows of different heights are, which jumps with tall texts, and keeps
// the element of every row that was ever seen. This one knows each height (measured, or guessed until then), keeps what
// the reader looks at where it is when rows above it turn out taller, and lets go of rows that have left.
import { Renderer } from "../vendor/tabulator-6.5.3.esm.min.js";
import { Heights } from "./sheet-heights.js";

// Browsers stop at some height (Firefox at 17.8 million pixels); beyond this a pixel of the scroll bar stands for more.
const TALLEST = 15_000_000;
const MARGIN = 700;

export function makeRenderer(hooks) {
  return class SheetRenderer extends Renderer {
    constructor(table) {
      super(table);
      this.verticalFillMode = "fill";
      this.first = 0;
      this.last = -1;
      this.scale = 1;
      this.placed = 0; // where the scroll bar was last put from here
      this.atEnd = false;
      this.heights = null;
      this.drawing = false;
      this.observer = new ResizeObserver((entries) => this.measured(entries));
      this.elementVertical.style.overflowAnchor = "none";
    }

    clearRows() {
      for (let position = this.first; position <= this.last; position += 1) this.letGo(position);
      this.first = 0;
      this.last = -1;
      this.tableElement.style.paddingTop = "";
      this.tableElement.style.paddingBottom = "";
      this.tableElement.style.minWidth = "";
    }

    renderRows() {
      this.heights = new Heights(this.rows().length, hooks.guess());
      this.draw();
    }

    // Tabulator calls this after changes to the layout: everything is drawn anew around the row at the top.
    rerenderRows(callback) {
      const anchor = this.anchor();
      const rows = this.rows();
      for (let position = this.first; position <= this.last; position += 1) this.letGo(position);
      this.last = this.first - 1;
      callback?.();
      if (!this.heights || this.heights.count !== rows.length) this.heights = new Heights(rows.length, hooks.guess());
      this.restore(anchor);
      this.draw();
    }

    // Guess afresh, as when rows are shown in another way.
    forgetHeights() {
      const anchor = this.anchor();
      this.heights = new Heights(this.rows().length, hooks.guess());
      this.restore(anchor);
      this.rerenderRows();
    }

    scrollRows() {
      const { scrollTop, scrollHeight, clientHeight } = this.elementVertical;
      // Whoever went to the end looks at the last row, however tall the rows above it turn out to be.
      if (Math.abs(scrollTop - this.placed) > 2) this.atEnd = scrollTop > 0 && scrollTop >= scrollHeight - clientHeight - 2;
      this.draw();
    }

    scrollToRow(row) {
      this.show(this.rows().indexOf(row));
    }

    scrollToRowNearestTop() {
      return true;
    }

    visibleRows() {
      return this.rows().slice(this.first, this.last + 1);
    }

    resize() {}

    // -- Places

    get height() {
      return this.elementVertical.clientHeight;
    }

    measure() {
      this.scale = Math.max(1, this.heights.total / TALLEST);
    }

    // The place in the sheet that is at the top of the window.
    get top() {
      const room = Math.max(1, this.heights.total / this.scale - this.height);
      const most = Math.max(0, this.heights.total - this.height);
      return Math.min(most, (this.elementVertical.scrollTop / room) * most);
    }

    set top(place) {
      const room = Math.max(1, this.heights.total / this.scale - this.height);
      const most = Math.max(1, this.heights.total - this.height);
      this.elementVertical.scrollTop = (Math.max(0, place) / most) * room;
      this.placed = this.elementVertical.scrollTop;
    }

    anchor() {
      if (!this.heights?.count) return { position: 0, within: 0 };
      const top = this.top;
      const position = this.heights.at(top);
      return { position, within: top - this.heights.offset(position), isEnd: this.atEnd };
    }

    restore({ position, within, isEnd }) {
      if (!this.heights.count) return;
      this.measure();
      this.pad();
      const row = Math.min(position, this.heights.count - 1);
      this.top = isEnd ? this.heights.total - this.height : this.heights.offset(row) + within;
    }

    // Bring a row into the window, whole where it fits.
    show(position) {
      if (position < 0 || position >= this.heights.count) return;
      const begin = this.heights.offset(position);
      const end = begin + this.heights.get(position);
      const top = this.top;
      this.atEnd = position === this.heights.count - 1;
      if (begin < top || end - begin > this.height) this.top = begin;
      else if (end > top + this.height) this.top = end - this.height;
      this.draw();
    }

    // -- Drawing

    draw() {
      const rows = this.rows();
      if (this.drawing || !rows.length || !this.heights || this.heights.count !== rows.length) return;
      this.drawing = true;
      this.measure();
      // Read everything first: a layout between two writes would see too few rows, and move the scroll bar.
      const { top, height } = this;
      const scroll = this.elementVertical.scrollTop;
      const first = this.heights.at(Math.max(0, top - MARGIN));
      const last = this.heights.at(Math.min(this.heights.total, top + height + MARGIN));
      if (first !== this.first || last !== this.last) this.swap(rows, first, last);
      this.pad(top, scroll);
      this.drawing = false;
      hooks.shown(first, last);
    }

    swap(rows, first, last) {
      const table = this.tableElement;
      for (let position = this.first; position <= this.last; position += 1) {
        if (position < first || position > last) this.letGo(position);
      }
      const before = document.createDocumentFragment();
      const after = document.createDocumentFragment();
      const fresh = [];
      for (let position = first; position <= last; position += 1) {
        if (position >= this.first && position <= this.last) continue;
        const row = rows[position];
        row.initialize(false, true);
        this.dress(row, position);
        (position < this.first ? before : after).append(row.getElement());
        fresh.push(row);
      }
      table.prepend(before);
      table.append(after);
      this.first = first;
      this.last = last;
      for (const row of fresh) {
        row.rendered();
        this.observer.observe(row.getElement());
      }
    }

    letGo(position) {
      const row = this.rows()[position];
      const element = row?.element;
      if (!element) return;
      hooks.leaving(element, position);
      this.observer.unobserve(element);
      row.deleteCells();
      element.remove();
      row.element = false;
      row.created = false;
      row.initialized = false;
    }

    // A row says something else: draw it again where it stands.
    redraw(position) {
      if (position < this.first || position > this.last) return;
      const row = this.rows()[position];
      if (!row?.element) return;
      row.initialized = false;
      row.initialize();
      this.dress(row, position);
    }

    // A row whose record is on its way is as tall as it is taken to be, so that nothing moves twice.
    dress(row, position) {
      const element = row.getElement();
      element.style.minHeight = hooks.isThere(position) ? "" : `${this.heights.get(position)}px`;
      hooks.dress(element, position);
    }

    pad(top = this.top, scroll = this.elementVertical.scrollTop) {
      // With a scale of 1 this is simply where the rows are; else they are put where the scroll bar is now.
      const shift = this.scale === 1 ? 0 : scroll - top;
      const begin = this.heights.offset(this.first) + shift;
      const rows = this.last < this.first ? 0 : this.heights.offset(this.last + 1) - this.heights.offset(this.first);
      const whole = this.heights.total / this.scale;
      this.tableElement.style.paddingTop = `${Math.max(0, begin)}px`;
      this.tableElement.style.paddingBottom = `${Math.max(0, whole - begin - rows)}px`;
    }

    // Rows turned out taller or shorter than they were: what is looked at stays where it is.
    measured(entries) {
      const anchor = this.anchor();
      let moved = 0;
      for (const entry of entries) {
        const position = Number(entry.target.dataset.position);
        const height = entry.borderBoxSize[0].blockSize;
        if (height && entry.target.isConnected) moved += Math.abs(this.heights.set(position, height));
      }
      if (!moved) return;
      this.restore(anchor);
      this.draw();
    }
  };
}
