// What a test has begun ends in reverse: a page that outlives its server would complain that nobody answers.

const begun = new WeakMap();

/** Does something at the end of a test, before whatever was to be done there until now; all is done, even if some fails. */
export function atEnd(test, act) {
  if (!begun.has(test)) {
    begun.set(test, []);
    test.after(() => end(begun.get(test)));
  }
  begun.get(test).push(act);
}

async function end(acts) {
  const act = acts.pop();
  if (!act) return;
  try {
    await act();
  } finally {
    await end(acts);
  }
}
