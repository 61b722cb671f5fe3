# DBD::Pg.

use strict;
use warnings;
use utf8;
use open qw(:std :encoding(UTF-8));
use DBI;
use DBD::Pg qw(:async :pg_types);

sub step {
    my ($name, @values) = @_;
    my $line = "$name: " . join(' ', map { defined ? $_ : 'NULL' } @values);
    $line =~ s/\n/\\n/g;
    print "$line\n";
}

# The connection's parameters are libpq's environment variables.
sub connected {
    return DBI->connect('dbi:Pg:', '', $_[0] // $ENV{PGPASSWORD},
        {RaiseError => 1, PrintError => 0, AutoCommit => 1, PrintWarn => 0, pg_expand_array => 0});
}

# The error that the block dies of.
sub server_error {
    my ($name, $dbh, $run) = @_;
    die "$name: no error" if eval { $run->(); 1 };
    step($name, $dbh->state, $dbh->errstr =~ /ERROR:\s+(.*)/);
}

sub row {
    my ($dbh, $sql, @values) = @_;
    return $dbh->selectrow_array($sql, undef, @values);
}

sub items {
    return row($_[0], 'SELECT count(*) FROM item');
}


sub values_of_types {
    my ($dbh) = @_;
    step('simple', row($dbh, "SELECT 1, 'one'"));
    my @types = ('int4', 'int8', 'numeric', 'float8', 'bool', 'text', 'empty text', 'null', 'bytea', 'timestamptz',
        'int array', 'text array', 'json');
    my $statement = $dbh->prepare('SELECT ?::int4, ?::int8, ?::numeric, ?::float8, ?::bool, ?::text, ?::text, ?::text, '
        . '?::bytea, ?::timestamptz, ?::int[], ?::text[], ?::json');
    my @values = (-2147483648, '9223372036854775807', '12345678901234567890.123456789', '0.1', 't',
        q{naïve ✓ 𝄞 'single' "double" \ back}, '', undef, "\0\xff\\'", '2024-02-29 12:34:56.789+00', [-1, undef, 3],
        ['a', 'ü', undef], '{"a":[1,null,"ü"]}');
    for my $i (0 .. $#values) {
        $statement->bind_param($i + 1, $values[$i], $types[$i] eq 'bytea' ? {pg_type => PG_BYTEA} : undef);
    }
    $statement->execute;
    my @row = $statement->fetchrow_array;
    for my $i (0 .. $#row) {
        my $value = $row[$i];
        $value = '\x' . unpack('H*', $value) if $types[$i] eq 'bytea';
        $value = $value ? 't' : 'f' if $types[$i] eq 'bool';
        step($types[$i], $value);
    }
    $statement->finish;
    step('big', length row($dbh, 'SELECT ?::text', 'x' x 1_000_000));
    my $twice = $dbh->prepare('SELECT ?::int * 2', {pg_switch_prepared => 1});
    step('prepared', map { $dbh->selectrow_array($twice, undef, $_) } 1, 2, 3);
}

sub transactions {
    my ($dbh) = @_;
    step('insert', $dbh->do('INSERT INTO item VALUES (?, ?), (?, ?)', undef, 1, 'one', 2, 'two'));
    step('update', $dbh->do('UPDATE item SET name = ? WHERE id = ?', undef, 'zwei', 2));
    step('delete', $dbh->do('DELETE FROM item WHERE id = ?', undef, 2));
    $dbh->begin_work;
    $dbh->do('INSERT INTO item VALUES (2)');
    $dbh->commit;
    step('commit', items($dbh));
    $dbh->begin_work;
    $dbh->do('INSERT INTO item VALUES (3)');
    $dbh->rollback;
    step('rollback', items($dbh));
    $dbh->begin_work;
    $dbh->do('INSERT INTO item VALUES (3)');
    $dbh->pg_savepoint('here');
    server_error('savepoint', $dbh, sub { $dbh->do('INSERT INTO item VALUES (?)', undef, 1) });
    my @constraint = map { $dbh->pg_error_field($_) } 'constraint_name', 'message_detail';
    $dbh->pg_rollback_to('here');
    $dbh->do('INSERT INTO item VALUES (4)');
    $dbh->commit;
    step('constraint', @constraint);
    step('savepoint rows', items($dbh));
    $dbh->begin_work;
    server_error('error', $dbh, sub { $dbh->do('SELECT 1 / 0') });
    server_error('aborted', $dbh, sub { $dbh->do('SELECT 1') });
    $dbh->rollback;
    step('after error', row($dbh, 'SELECT 1'));
    eval { $dbh->do('SELECT nonsense') };
    step('position', $dbh->pg_error_field('statement_position'));
}

sub insert_all {
    my ($dbh, @divisors) = @_;
    my $statement = $dbh->prepare('INSERT INTO item VALUES (100 / ?::int)');
    $statement->execute_array({}, \@divisors);
}

sub streams {
    my ($dbh) = @_;
    insert_all($dbh, 10, 9, 8);
    step('batch', items($dbh));
    my $failing = 'INSERT INTO item VALUES (21); SELECT 1 / 0; INSERT INTO item VALUES (22)';
    server_error('batch error', $dbh, sub { $dbh->do($failing) });
    step('batch rows', items($dbh));
    $dbh->do('COPY item (id) FROM STDIN');
    $dbh->pg_putcopydata("$_\n") for 1001 .. 2000;
    $dbh->pg_putcopyend;
    step('copy in', row($dbh, 'SELECT count(*) FROM item WHERE id > 1000'));
    server_error('copy error', $dbh, sub {
        $dbh->do('COPY item (id) FROM STDIN');
        $dbh->pg_putcopydata("x\n");
        $dbh->pg_putcopyend;
    });
    $dbh->do('COPY (SELECT id FROM item WHERE id > 1000 ORDER BY id) TO STDOUT');
    my ($count, $sum, $line) = (0, 0);
    while ($dbh->pg_getcopydata($line) >= 0) {
        ++$count;
        $sum += $line;
    }
    step('copy out', $count, $sum);
}

sub asynchronous {
    my ($dbh) = @_;
    {
        local $SIG{__WARN__} = sub { step('notice', $_[0] =~ /^(NOTICE):\s+(\w+)/) };
        local $dbh->{PrintWarn} = 1;
        $dbh->do("SELECT say('hello')");
    }
    $dbh->do('LISTEN tidings');
    $dbh->do("NOTIFY tidings, 'payload'");
    my ($channel, undef, $payload) = @{$dbh->pg_notifies};
    step('notify', $channel, $payload);
    $dbh->do('SELECT pg_sleep(30)', {pg_async => PG_ASYNC});
    my $other = connected();
    $other->do('SELECT await_sleeper()');
    $other->disconnect;
    step('cancel', $dbh->pg_cancel, $dbh->state);
    # PostgreSQL signals twice: the second signal must not meet the next statement.
    select(undef, undef, undef, 0.3);
}

# A cursor of SQL: a SELECT itself is read whole.
sub large {
    my ($dbh) = @_;
    $dbh->begin_work;
    $dbh->do(q{DECLARE large CURSOR FOR SELECT i, repeat('x', 100) FROM generate_series(0, 19999) i});
    my ($count, $sum) = (0, 0);
    while (my @rows = @{$dbh->selectall_arrayref('FETCH 1000 FROM large')}) {
        $count += @rows;
        $sum += $_->[0] for @rows;
    }
    $dbh->commit;
    step('large', $count, $sum);
}

sub exercise {
    eval { connected('wrong') };
    step('wrong password', DBI->errstr =~ /FATAL:\s+(.*)/);
    my $dbh = connected();
    step('connect', row($dbh, "SELECT current_user, current_setting('application_name')"));
    values_of_types($dbh);
    transactions($dbh);
    streams($dbh);
    asynchronous($dbh);
    large($dbh);
    step('multi', row($dbh, 'SELECT 1; SELECT 2'));
    $dbh->do('');
    step('empty', 'ok');
    step('tables', map { s/^public\.//r } $dbh->tables(undef, 'public', '%', 'TABLE'));
    $dbh->do('DISCARD ALL');
    step('reset', 'ok');
    $dbh->disconnect;
    step('disconnect', 'ok');
}

sub attempt {
    my ($dbh, $name, $run) = @_;
    if (!eval { $run->(); 1 }) {
        my $message = $@;
        $message =~ s/ at \S+ line \d+\.\n$//;
        step($name, $message);
        step("$name sqlstate", $dbh->state);
        step("$name $_->[0]", $dbh->pg_error_field($_->[1]))
            for ['detail', 'message_detail'], ['hint', 'message_hint'], ['position', 'statement_position'];
    }
    if (!$dbh->{AutoCommit}) {
        server_error("$name aborted", $dbh, sub { $dbh->do('SELECT 1') });
        $dbh->rollback;
    }
    step("$name after", row($dbh, 'SELECT count(*), max(name) FROM kept'));
}

sub denied {
    my $dbh = connected();
    attempt($dbh, 'drop', sub { $dbh->do('DROP TABLE kept CASCADE') });
    attempt($dbh, 'create', sub { $dbh->prepare('CREATE TABLE made (id int)', {pg_prepare_now => 1})->execute });
    attempt($dbh, 'update', sub { $dbh->do('UPDATE kept SET name = ?', undef, 'three') });
    attempt($dbh, 'transaction', sub {
        $dbh->begin_work;
        $dbh->do('INSERT INTO kept VALUES (3)');
        $dbh->do('DELETE FROM kept');
    });
    attempt($dbh, 'batch', sub {
        $dbh->do('INSERT INTO kept VALUES (4); DROP TABLE kept; INSERT INTO kept VALUES (5)');
    });
    $dbh->disconnect;
}

{exercise => \&exercise, denied => \&denied}->{$ARGV[0]}->();
