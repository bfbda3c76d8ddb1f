# Prints what Mail::SpamAssassin makes of configurations: for each directory below the
# argument the values that it ends up with.
use strict;
use warnings;
use Mail::SpamAssassin;

$SIG{__WARN__} = sub { };
my $base = shift;
opendir(my $dir, $base) or die "$base: $!";
for my $case (sort { $a <=> $b } grep { /^\d+$/ } readdir $dir) {
  my $sa = Mail::SpamAssassin->new({ rules_filename => "$base/none", site_rules_filename => "$base/$case", dont_copy_prefs => 1, require_rules => 0 });
  $sa->init(0);
  my $conf = $sa->{conf};
  print "case $case\n";
  print "$_ $conf->{$_}\n" for qw(required_score use_bayes skip_rbl_checks dns_available);
  for my $list (qw(welcomelist_from welcomelist_from_rcvd welcomelist_auth def_welcomelist_auth all_spam_to)) {
    print "$list @{[sort keys %{$conf->{$list}}]}\n";
  }
  print "trusted_networks ", $conf->{trusted_networks_configured} ? 1 : 0, "\n";
  for my $rule (qw(R1 R2 R3)) {
    my @points = grep { defined } map { $conf->{scoreset}->[$_]->{$rule} } 0 .. 3;
    my $most = @points ? (sort { $b <=> $a } @points)[0] : 'none';
    print "$rule $most\n";
  }
}
