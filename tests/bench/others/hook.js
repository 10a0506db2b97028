// The same record kept by a Node hook, as such tools usually are written:
// proper-lockfile with three retries, whole files read, an unbounded cleanup.
"use strict";

const crypto = require("crypto");
const fs = require("fs");
const path = require("path");
const lockfile = require("proper-lockfile");

const FOLDER = process.env.HEADCOUNT_DIR;
const KINDS = { Stop: "turn_close", SessionEnd: "session_close" };
const STATES = { Stop: "idle", Notification: "idle" };
const RETRIES = { retries: 3, factor: 2, minTimeout: 100, maxTimeout: 400 };
const DAY = 24 * 3600 * 1000;

const fileOf = (id) => path.join(FOLDER, `${id}.jsonl`);

function load(file) {
  const lines = fs.readFileSync(file, "utf8").split("\n").filter(Boolean);
  return lines.map((line) => JSON.parse(line));
}

async function locked(file, work) {
  const release = await lockfile.lock(file, { realpath: false, retries: RETRIES });
  try {
    return work();
  } finally {
    await release();
  }
}

const append = (file, entry) =>
  locked(file, () => fs.appendFileSync(file, JSON.stringify(entry) + "\n"));

function common(type, id) {
  const unique = crypto.randomBytes(8).toString("hex");
  return { type, v: 1, id: unique, session_id: id, timestamp: new Date().toISOString() };
}

function client() {
  let pid = process.ppid;
  for (let step = 0; step < 12 && pid > 1; step += 1) {
    try {
      if (fs.readFileSync(`/proc/${pid}/comm`, "utf8").trim() === "claude") return pid;
      pid = Number(fs.readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ")[1]);
    } catch {
      break;
    }
  }
  return process.ppid;
}

async function beat(payload) {
  const { session_id: id, hook_event_name: event } = payload;
  const type = KINDS[event] || "heartbeat";
  const state = STATES[event] || "busy";
  const last = load(fileOf(id)).pop();
  const unchanged = last.state === state && Date.now() - Date.parse(last.timestamp) < 60000;
  if (type === "heartbeat" && unchanged) return;
  await append(fileOf(id), { ...common(type, id), event, state, pid: client() });
}

function entriesOf(file) {
  const entries = [];
  for (const line of fs.readFileSync(file, "utf8").split("\n")) {
    try {
      entries.push(JSON.parse(line));
    } catch {
      continue;
    }
  }
  return entries;
}

function discover() {
  const names = fs.readdirSync(FOLDER).filter((name) => name.endsWith(".jsonl"));
  return names.sort().map((name) => {
    const file = path.join(FOLDER, name);
    const entries = entriesOf(file);
    return { file, first: entries[0], last: entries[entries.length - 1] };
  });
}

function alive(last) {
  if (Date.now() - Date.parse(last.timestamp) > DAY) return false;
  try {
    return process.kill(last.pid, 0);
  } catch {
    return false;
  }
}

async function cleanup() {
  const day = path.join(FOLDER, "archive", new Date().toISOString().slice(0, 10));
  for (const { file, last } of discover()) {
    if (!last.timestamp || alive(last)) continue;
    fs.mkdirSync(day, { recursive: true });
    await locked(file, () => fs.renameSync(file, path.join(day, path.basename(file))));
  }
}

async function start(payload) {
  const entry = common("session_metadata", payload.session_id);
  const facts = { pid: client(), cwd: payload.cwd, tasks: [] };
  await append(fileOf(payload.session_id), { ...entry, ...facts });
  await cleanup();
}

function list() {
  for (const { first, last } of discover()) {
    const word = alive(last) ? last.state || "idle" : "dead";
    console.log(word, first.session_id, first.cwd, last.timestamp);
  }
}

function timed(work) {
  const began = process.hrtime.bigint();
  work();
  return Number(process.hrtime.bigint() - began) / 1e9;
}

const said = (value) => console.log(JSON.stringify(value));
const megabytes = () => process.resourceUsage().maxRSS / 1024;

async function appendMany(id, count) {
  const began = process.hrtime.bigint();
  for (let n = 0; n < count; n += 1) {
    await append(fileOf(id), { ...common("note.added", id), text: "x".repeat(100) });
  }
  said({ seconds: Number(process.hrtime.bigint() - began) / 1e9 });
}

async function writer(id, count) {
  fs.writeSync(1, "ready\n");
  fs.readFileSync(0);
  const waits = [];
  let lost = 0;
  for (let n = 0; n < count; n += 1) {
    const began = process.hrtime.bigint();
    try {
      await append(fileOf(id), { ...common("note.added", id), text: "x".repeat(100) });
    } catch {
      lost += 1;
    }
    waits.push(Number(process.hrtime.bigint() - began) / 1e9);
  }
  said({ waits, lost, ended: Number(process.hrtime.bigint()) / 1e9 });
}

async function main([command, ...given]) {
  if (command === "list") return list();
  if (command === "append") return appendMany(given[0], Number(given[1]));
  if (command === "writer") return writer(given[0], Number(given[1]));
  if (command === "load") {
    return said({ seconds: timed(() => load(given[0])), megabytes: megabytes() });
  }
  if (command === "discover") {
    return said({ seconds: timed(discover), megabytes: megabytes() });
  }
  const payload = JSON.parse(fs.readFileSync(0, "utf8"));
  fs.mkdirSync(FOLDER, { recursive: true });
  return payload.hook_event_name === "SessionStart" ? start(payload) : beat(payload);
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
