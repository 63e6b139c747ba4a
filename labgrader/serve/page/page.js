// The rest is textual.js. Opening again is a new lab: the page's address is as good as before.
document.querySelector("#again").addEventListener("click", () => window.location.reload());

// A terminal is there to be typed into, as soon as somebody listens (textual.js says so by a class).
new MutationObserver((changes, observer) => {
  if (document.body.classList.contains("-loaded")) {
    observer.disconnect();
    document.querySelector(".xterm-helper-textarea")?.focus();
  }
}).observe(document.body, { attributes: true });
