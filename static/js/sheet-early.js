// Before the first paint: leave the plain table away where the grid is about to stand. Should the grid not come (an old
// browser, a file that didn't load), the table is there again.
document.documentElement.classList.add("has-sheet");
setTimeout(() => {
  if (!document.documentElement.classList.contains("sheet-ready")) document.documentElement.classList.remove("has-sheet");
}, 8000);
