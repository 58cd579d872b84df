// Passkeys, on /login and /account alone: ask the node for its question, the device for an answer, and send that with
// the page's own form. Without this script password and code are complete, and a passkey is removed by a plain form.
// Words stand in the page, in its language; they are shown as text, never as markup. Nothing is kept in the browser.
"use strict";

const toBytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));

const toText = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

// What the node asks (JSON) as the browser takes it, and what the device answers as JSON: bytes are base64url in both.
function ask(question) {
  const named = (found) => ({...found, id: toBytes(found.id)});
  const publicKey = {...question, challenge: toBytes(question.challenge)};
  if (!question.user) return navigator.credentials.get({publicKey});
  publicKey.user = named(question.user);
  publicKey.excludeCredentials = (question.excludeCredentials || []).map(named);
  return navigator.credentials.create({publicKey});
}

function answerOf(found) {
  const said = found.response, response = {clientDataJSON: toText(said.clientDataJSON)};
  if (said.attestationObject) {
    response.attestationObject = toText(said.attestationObject);
  } else {
    response.authenticatorData = toText(said.authenticatorData);
    response.signature = toText(said.signature);
    if (said.userHandle) response.userHandle = toText(said.userHandle);
  }
  return JSON.stringify({id: found.id, rawId: toText(found.rawId), type: found.type, response});
}

// The node's question, or the words in which it refuses.
async function fetched(form) {
  const body = new URLSearchParams(new FormData(form));
  const reply = await fetch(form.dataset.ask, {method: "POST", body, redirect: "error"});
  const said = await reply.json();
  if (!reply.ok) throw new Error([said.title, said.detail].filter(Boolean).join(" "));
  return said;
}

// What went wrong, in the page's words where the browser tells it, in the node's where the node does.
function wordsFor(error, words) {
  if (error.name === "InvalidStateError") return words.exists;
  if (error.name === "NotAllowedError" || error.name === "AbortError") return words.cancelled;
  return error.constructor === Error && error.message ? error.message : words.failed;
}

for (const form of document.querySelectorAll("form[data-ask]")) {
  const words = form.dataset, off = form.querySelector("[data-off]"), status = form.querySelector("[role=status]");
  let busy = false;
  if (!window.PublicKeyCredential) {
    off.textContent = words.none;
    continue;
  }
  off.remove();
  form.querySelector("div[hidden]").hidden = false;

  const tell = (kind, before, said) => {
    const own = document.createElement("bdi"); // the node's words may run the other way than the page's
    own.textContent = said;
    status.className = "note " + kind;
    status.replaceChildren(before, " ", own);
  };
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (busy) return;
    busy = true;
    tell("plain", "", words.wait);
    try {
      form.elements.answer.value = answerOf(await ask(await fetched(form)));
      for (const field of form.querySelectorAll("[name=old], [name=code]")) field.disabled = true;
      form.submit();
    } catch (error) {
      tell("warning", words.error, wordsFor(error, words));
      busy = false;
    }
  });
}
