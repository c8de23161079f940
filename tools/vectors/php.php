<?php
// Answers of PHP's mt_rand. The protocol is described in make.py.

if ($argv[1] === '--version') {
    echo 'PHP ', PHP_VERSION, "\n";
    exit(0);
}
if ($argv[1] !== 'php_mt_rand') {
    fwrite(STDERR, "unknown preset {$argv[1]}\n");
    exit(1);
}
while (($line = fgets(STDIN)) !== false) {
    [$seed, $modulus, $skip, $count] = array_map('intval', explode(' ', trim($line)));
    mt_srand($seed);
    $outputs = [];
    for ($i = 0; $i < $count; $i++) {
        for ($dropped = 0; $dropped < $skip; $dropped++) {
            mt_rand(0, $modulus - 1);
        }
        $outputs[] = mt_rand(0, $modulus - 1);
    }
    echo implode(' ', $outputs), "\n";
}
