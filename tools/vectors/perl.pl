# Answers of Perl's rand. The protocol is described in make.py.

use strict;
use warnings;

if ($ARGV[0] eq '--version') {
    print "Perl $^V\n";
    exit 0;
}
die "unknown preset $ARGV[0]\n" if $ARGV[0] ne 'perl_rand';
while (my $line = <STDIN>) {
    my ($seed, $modulus, $skip, $count) = split ' ', $line;
    srand $seed;
    my @outputs;
    for (1 .. $count) {
        rand $modulus for 1 .. $skip;
        push @outputs, int rand $modulus;
    }
    print "@outputs\n";
}
