// Answers of V8's Math.random. The protocol is described in make.py.
//
// The seed is an argument of the runtime, so requests of one seed are handed to a process of their
// own. There every request gets a new context, in which V8 begins anew with that seed.

'use strict';

const { execFileSync } = require('child_process');
const { readFileSync } = require('fs');
const vm = require('vm');

function answer(line) {
    const [, modulus, skip, count] = line.split(' ').map(Number);
    const random = vm.runInNewContext('Math.random');
    const outputs = [];
    for (let i = 0; i < count; i++) {
        for (let dropped = 0; dropped < skip; dropped++) random();
        outputs.push(Math.floor(random() * modulus));
    }
    console.log(outputs.join(' '));
}

function forward(lines) {
    for (let first = 0, last; first < lines.length; first = last) {
        const seed = lines[first].split(' ')[0];
        last = first;
        while (last < lines.length && lines[last].split(' ')[0] === seed) last++;
        const input = lines.slice(first, last).join('\n');
        const child = [`--random-seed=${seed}`, __filename, 'seeded'];
        process.stdout.write(execFileSync(process.execPath, child, { input }));
    }
}

const preset = process.argv[2];
if (preset === '--version') {
    console.log(`Node.js ${process.version}, V8 ${process.versions.v8}`);
} else {
    const lines = readFileSync(0, 'utf8').split('\n').filter(Boolean);
    if (preset === 'seeded') lines.forEach(answer);
    else if (/^v8_math_random(_53|_sum)?$/.test(preset)) forward(lines);
    else throw new Error(`unknown preset ${preset}`);
}
