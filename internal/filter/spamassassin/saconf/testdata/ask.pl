# Asks Mail::SpamAssassin how it reads configurations: for each directory below the
# first argument, which files it reads, which settings reach their command, and which
# plug-ins it loads from where. Each is asked in a process of its own. With a second
# argument it asks about the configuration of the host itself.
use strict;
use warnings;
use Mail::SpamAssassin;
use Mail::SpamAssassin::Conf;
use Mail::SpamAssassin::Conf::Parser;
use Mail::SpamAssassin::PluginHandler;

$SIG{__WARN__} = sub { };
my ($base, $host) = @ARGV;
my @told;

{
  no warnings 'redefine';
  my $read = \&Mail::SpamAssassin::read_cf_file;
  *Mail::SpamAssassin::read_cf_file = sub {
    my ($self, $path) = @_;
    my $text = $read->($self, $path);
    push @told, "file\t$path" if $text ne '';
    return $text;
  };
  my $register = \&Mail::SpamAssassin::Conf::Parser::register_commands;
  *Mail::SpamAssassin::Conf::Parser::register_commands = sub {
    my ($self, $commands) = @_;
    my $done = $register->($self, $commands);
    for my $command (@$commands) {
      my $name = $command->{command} || $command->{setting};
      $self->setup_default_code_cb($command) if !$command->{code};
      my $code = $command->{code};
      $command->{code} = sub {
        push @told, "line\t$name\t$_[2]";
        return $code->(@_);
      };
    }
    return $done;
  };
  my $loaded = \&Mail::SpamAssassin::Conf::load_plugin_succeeded;
  *Mail::SpamAssassin::Conf::load_plugin_succeeded = sub {
    my ($self, $plugin, $package, $path) = @_;
    if ($path eq '(from @INC)') {
      (my $name = "$package.pm") =~ s{::}{/}g;
      $path = $INC{$name};
    }
    push @told, "plugin\t$package\t$path";
    return $loaded->(@_);
  };
}

if ($host) {
  my $sa = Mail::SpamAssassin->new({
    LOCAL_RULES_DIR => '/etc/spamassassin', DEF_RULES_DIR => '/usr/share/spamassassin', LOCAL_STATE_DIR => '/var/lib/spamassassin', PREFIX => '/usr', dont_copy_prefs => 1,
  });
  $sa->init(0);
  print "$_\n" for @told;
  exit 0;
}

opendir(my $dir, $base) or die "$base: $!";
for my $case (sort { $a <=> $b } grep { /^\d+$/ } readdir $dir) {
  my $pid = open(my $child, '-|');
  die "fork: $!" if !defined $pid;
  if (!$pid) {
    my $rules = -d "$base/$case/rules" ? "$base/$case/rules" : "$base/none";
    my $sa = Mail::SpamAssassin->new({
      rules_filename => $rules, site_rules_filename => "$base/$case/site", dont_copy_prefs => 1, local_tests_only => 0, require_rules => 0, debug => 0,
    });
    eval { $sa->init(0); 1 } or push @told, "died\t$@";
    print "$_\n" for @told;
    close STDOUT;
    require POSIX;
    POSIX::_exit(0);
  }
  print "case\t$case\n";
  print while <$child>;
  close $child;
}
