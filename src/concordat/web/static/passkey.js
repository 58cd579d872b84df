// Passkeys, on /login and /account alone: ask the node for its question, the device for an answer, and send that with
// the page's own form. All words are shown as text, never as markup. A question is kept while the page is open, so that
// whoever stopped her device asks it again without another code; nothing is kept beyond.
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

// The node's question; thrown is why it refuses, and whether the proof was wrong.
async function fetched(form) {
  const body = new URLSearchParams(new FormData(form));
  const reply = await fetch(form.dataset.ask, {method: "POST", body, redirect: "error"});
  const said = await reply.json();
  if (reply.ok) return said;
  throw {said: [said.title, said.detail].filter(Boolean).join(" "), wrong: said.code === "wrong"};
}

// What the device said, in the page's words.
function wordsFor(error, words) {
  if (error.name === "InvalidStateError") return words.exists;
  return error.name === "NotAllowedError" || error.name === "AbortError" ? words.cancelled : words.unable;
}

for (const form of document.querySelectorAll("form[data-ask]")) {
  const words = form.dataset, off = form.querySelector("[data-off]"), status = form.querySelector("[role=status]");
  const proof = form.querySelectorAll("[name=old], [name=code]"), code = form.elements.code, title = document.title;
  let busy = false, question = null, until = 0, used = "";
  if (!window.PublicKeyCredential) {
    off.textContent = words.none;
    continue;
  }
  off.remove();
  form.querySelector("div[hidden]").hidden = false;
  for (const field of proof) {
    field.setAttribute("aria-describedby", [field.getAttribute("aria-describedby"), status.id].join(" ").trim());
  }

  // `english`: the node's words. `marked`: the fields of the proof are what is wrong.
  const tell = (kind, said, english, marked) => {
    const own = document.createElement("bdi"), before = kind === "warning" ? words.error : "";
    own.textContent = said;
    if (english) own.lang = "en";
    status.className = "note " + kind;
    status.textContent = "";
    status.append(before, " ", own);
    document.title = before && !title.startsWith(before) ? before + " " + title : title;
    for (const field of proof) field.setAttribute("aria-invalid", marked ? "true" : "false");
    if (marked) proof.item(0).focus();
  };
  // A code is good once, and the question that it was used for is too old.
  const spent = () => {
    for (const field of proof) field.value = "";
    question = null;
    tell("warning", words.used, false, true);
  };
  const arm = () => {
    busy = false;
    question = null;
    for (const field of proof) field.disabled = false;
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (busy) return;
    busy = true;
    let at = "node";
    try {
      tell("plain", words.wait);
      if (Date.now() >= until) question = null;
      if (!question) {
        if (used && code.value === used) return spent();
        question = await fetched(form);
        until = Date.now() + question.timeout;
        used = code ? code.value : "";
      }
      at = "device";
      form.elements.answer.value = answerOf(await ask({...question, timeout: until - Date.now()}));
      for (const field of proof) field.disabled = true;
      at = "sent";
      form.submit();
    } catch (error) {
      if (at === "node") tell("warning", error.said || words.failed, error.said, error.wrong);
      else if (used && Date.now() >= until) spent();
      else tell("warning", wordsFor(error, words));
    } finally {
      busy = at === "sent";
    }
  });
  window.addEventListener("pageshow", (event) => event.persisted && arm());
  arm();
}
