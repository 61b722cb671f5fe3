# For PostgreSQL's TAP tests, by `perl -MThroughPgwarden`: once the server of a test has started, a pgwarden takes the
# place of its socket, so that whatever the test connects goes through it. From the environment: PGWARDEN_BINARY, and
# PGWARDEN_PROTECT, the hosts to protect with the preset "observe".
package ThroughPgwarden;

use strict;
use warnings;

use File::Temp;
use PostgreSQL::Test::Cluster;
use POSIX ();
use Time::HiRes qw(usleep);

my (@folders, @pids);

sub take_the_place_of
{
	my ($node) = @_;
	my $socket = sprintf '%s/.s.PGSQL.%d', $node->host, $node->port;
	my $folder = File::Temp->newdir('pgwarden-tap-XXXXXX', TMPDIR => 1);
	push @folders, $folder;
	rename $socket, "$folder/.s.PGSQL." . $node->port or die "cannot move $socket: $!";

	open my $config, '>', "$folder/pgwarden.yaml" or die $!;
	print $config <<~YAML;
		listeners:
		  - listen: $socket
		    upstream: postgres:///?host=$folder&port=@{[$node->port]}
		protect: ["$ENV{PGWARDEN_PROTECT}"]
		preset: observe
		YAML
	close $config;

	my $pid = fork // die "cannot fork: $!";
	if ($pid == 0)
	{
		open STDOUT, '>', "$folder/log";
		open STDERR, '>&', \*STDOUT;
		exec $ENV{PGWARDEN_BINARY}, 'run', '--config', "$folder/pgwarden.yaml";
		POSIX::_exit(127);
	}
	push @pids, $pid;
	for (1 .. 300)
	{
		return if -S $socket;
		usleep(100_000);
	}
	die 'pgwarden did not start: ' . PostgreSQL::Test::Utils::slurp_file("$folder/log");
}

my $start = \&PostgreSQL::Test::Cluster::start;
no warnings 'redefine';
*PostgreSQL::Test::Cluster::start = sub {
	my ($node, @args) = @_;
	my $started = $start->($node, @args);
	take_the_place_of($node) if $started;
	return $started;
};

END
{
	my $status = $?;
	kill TERM => @pids;
	for my $pid (@pids)
	{
		waitpid $pid, 0;
		$status ||= 1 if $?;
	}
	$? = $status;
}

1;
