<?php
// Answers of PHP's mt_rand. The protocol is described in make.py.

if ($argv[1] === '--version') {
    echo 'PHP ', PHP_VERSION, "\n";
    exit(0);
}
$modes = ['php_mt_rand' => MT_RAND_MT19937, 'php_mt_rand_521' => @MT_RAND_PHP];
if (!isset($modes[$argv[1]])) {
    fwrite(STDERR, "unknown preset {$argv[1]}\n");
    exit(1);
}
while (($line = fgets(STDIN)) !== false) {
    [$seed, $modulus, $skip, $count] = array_map('intval', explode(' ', trim($line)));
    @mt_srand($seed, $modes[$argv[1]]); // MT_RAND_PHP is deprecated, so be silent
    $outputs = [];
    for ($i = 0; $i < $count; $i++) {
        for ($dropped = 0; $dropped < $skip; $dropped++) {
            mt_rand(0, $modulus - 1);
        }
        $outputs[] = mt_rand(0, $modulus - 1);
    }
    echo implode(' ', $outputs), "\n";
}
