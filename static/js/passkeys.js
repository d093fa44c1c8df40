// What the browser says when a passkey didn't work is written for nobody; say what happened where it was asked for.
const button = document.querySelector(".passkey button");

document.addEventListener("allauth.error", (event) => {
  event.preventDefault();
  let line = document.querySelector("[data-passkey-error]");
  if (!line && button) {
    line = document.createElement("p");
    line.className = "field-error";
    line.dataset.passkeyError = "";
    line.setAttribute("role", "alert");
    button.after(line);
  }
  if (line) line.textContent = button.dataset.failed || "";
});
