// A one-time link carries its token in the fragment, which browsers send to nobody. Here it becomes a field of the form;
// without scripts, people copy it there themselves.
const field = document.querySelector("#token");
const token = new URLSearchParams(location.hash.slice(1)).get("token") ?? "";

if (token !== "") field.value = token;
if (field.value !== "") field.closest(".field").hidden = true;
