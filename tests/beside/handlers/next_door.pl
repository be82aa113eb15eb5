package NextDoor;
use strict;
use warnings;
use Apache2::RequestRec ();
use Apache2::RequestIO ();
use Apache2::Const -compile => qw(OK);

sub handler {
    my $r = shift;
    my ($body, $part) = ("", "");
    while ($r->read($part, 8192)) { $body .= $part; }
    $r->content_type("text/plain");
    $r->print("perl read ", length $body, " of ", substr($body, 0, 10), "\n");
    return Apache2::Const::OK;
}

1;
