<?php
// PHP's pgsql extension.

const TYPES = ['int4', 'int8', 'numeric', 'float8', 'bool', 'text', 'empty text', 'null', 'bytea', 'timestamptz',
    'int array', 'text array', 'json'];

function step(string $name, ...$values): void
{
    echo "$name: ", str_replace("\n", '\n', implode(' ', array_map(fn ($value) => $value ?? 'NULL', $values))), "\n";
}

// It warns of errors; their result is to be had by pg_get_result after pg_send_*.
function result($connection, string $sql, ?array $values = null)
{
    $values === null ? pg_send_query($connection, $sql) : pg_send_query_params($connection, $sql, $values);
    $result = pg_get_result($connection);
    while ($more = pg_get_result($connection)) {
        $result = $more;
    }
    return $result;
}

function run($connection, string $sql, ?array $values = null)
{
    $result = result($connection, $sql, $values);
    if (pg_result_error($result) !== '') {
        throw new Exception(pg_result_error($result));
    }
    return $result;
}

function server_error(string $name, $result): void
{
    step($name, pg_result_error_field($result, PGSQL_DIAG_SQLSTATE),
        pg_result_error_field($result, PGSQL_DIAG_MESSAGE_PRIMARY));
}

function items($connection): string
{
    return pg_fetch_result(run($connection, 'SELECT count(*) FROM item'), 0, 0);
}

function values($connection): void
{
    step('simple', ...pg_fetch_row(run($connection, "SELECT 1, 'one'")));
    $row = pg_fetch_row(run($connection,
        'SELECT $1::int4, $2::int8, $3::numeric, $4::float8, $5::bool, $6::text, $7::text, $8::text, $9::bytea,
            $10::timestamptz, $11::int[], $12::text[], $13::json',
        [-2147483648, PHP_INT_MAX, '12345678901234567890.123456789', 0.1, 't',
            "naïve ✓ 𝄞 'single' \"double\" \\ back", '', null, '\x' . bin2hex("\0\xff\\'"),
            '2024-02-29 12:34:56.789+00', '{-1,NULL,3}', '{a,ü,NULL}', '{"a":[1,null,"ü"]}']));
    foreach (TYPES as $i => $type) {
        step($type, $row[$i]);
    }
    step('big', strlen(pg_fetch_result(run($connection, 'SELECT $1::text', [str_repeat('x', 1000000)]), 0, 0)));
    pg_prepare($connection, 'twice', 'SELECT $1::int * 2');
    step('prepared', ...array_map(
        fn ($number) => pg_fetch_result(pg_execute($connection, 'twice', [$number]), 0, 0), [1, 2, 3]));
}

function transactions($connection): void
{
    $affected = fn (...$query) => pg_affected_rows(run($connection, ...$query));
    step('insert', $affected('INSERT INTO item VALUES ($1, $2), ($3, $4)', [1, 'one', 2, 'two']));
    step('update', $affected('UPDATE item SET name = $1 WHERE id = $2', ['zwei', 2]));
    step('delete', $affected('DELETE FROM item WHERE id = $1', [2]));
    run($connection, 'BEGIN');
    run($connection, 'INSERT INTO item VALUES (2)');
    run($connection, 'COMMIT');
    step('commit', items($connection));
    run($connection, 'BEGIN');
    run($connection, 'INSERT INTO item VALUES (3)');
    run($connection, 'ROLLBACK');
    step('rollback', items($connection));
    run($connection, 'BEGIN');
    run($connection, 'INSERT INTO item VALUES (3)');
    run($connection, 'SAVEPOINT here');
    $result = result($connection, 'INSERT INTO item VALUES ($1)', [1]);
    server_error('savepoint', $result);
    run($connection, 'ROLLBACK TO SAVEPOINT here');
    run($connection, 'INSERT INTO item VALUES (4)');
    run($connection, 'COMMIT');
    step('constraint', pg_result_error_field($result, PGSQL_DIAG_CONSTRAINT_NAME),
        pg_result_error_field($result, PGSQL_DIAG_MESSAGE_DETAIL));
    step('savepoint rows', items($connection));
    run($connection, 'BEGIN');
    server_error('error', result($connection, 'SELECT 1 / 0'));
    server_error('aborted', result($connection, 'SELECT 1'));
    run($connection, 'ROLLBACK');
    step('after error', pg_fetch_result(run($connection, 'SELECT 1'), 0, 0));
    step('position', pg_result_error_field(result($connection, 'SELECT nonsense'), PGSQL_DIAG_STATEMENT_POSITION));
}

function streams($connection): void
{
    run($connection, 'INSERT INTO item VALUES (11); INSERT INTO item VALUES (12); INSERT INTO item VALUES (13)');
    step('batch', items($connection));
    server_error('batch error',
        result($connection, 'INSERT INTO item VALUES (21); SELECT 1 / 0; INSERT INTO item VALUES (22)'));
    step('batch rows', items($connection));
    pg_copy_from($connection, 'item (id)', array_map(fn ($id) => "$id\n", range(1001, 2000)));
    step('copy in', pg_fetch_result(run($connection, 'SELECT count(*) FROM item WHERE id > 1000'), 0, 0));
    pg_set_error_verbosity($connection, PGSQL_ERRORS_VERBOSE);
    @pg_copy_from($connection, 'item (id)', ["x\n"]);
    preg_match('/ERROR:\s+(\w+): (.*)/', pg_last_error($connection), $matches);
    step('copy error', $matches[1], $matches[2]);
    pg_set_error_verbosity($connection, PGSQL_ERRORS_DEFAULT);
    $lines = pg_copy_to($connection, '(SELECT id FROM item WHERE id > 1000 ORDER BY id)');
    step('copy out', count($lines), array_sum(array_map('intval', $lines)));
}

function asynchronous($connection): void
{
    run($connection, "SELECT say('hello')");
    step('notice', ...preg_split('/:\s+/', trim(pg_last_notice($connection))));
    run($connection, 'LISTEN tidings');
    run($connection, "NOTIFY tidings, 'payload'");
    $notification = pg_get_notify($connection);
    step('notify', $notification['message'], $notification['payload']);
    pg_send_query($connection, 'SELECT pg_sleep(30)');
    $other = pg_connect('', PGSQL_CONNECT_FORCE_NEW);
    run($other, 'SELECT await_sleeper()');
    pg_close($other);
    pg_cancel_query($connection); // waits for the end, and keeps what the server said of it
    usleep(300000); // PostgreSQL signals twice: the second signal must not meet the next statement.
    step('cancel', pg_fetch_result(run($connection, 'SELECT 1'), 0, 0));
}

// A cursor of SQL: a SELECT itself is read whole.
function large($connection): void
{
    run($connection, 'BEGIN');
    run($connection, "DECLARE large CURSOR FOR SELECT i, repeat('x', 100) FROM generate_series(0, 19999) i");
    for ($count = $sum = 0; $rows = pg_fetch_all_columns(run($connection, 'FETCH 1000 FROM large')); ) {
        $count += count($rows);
        $sum += array_sum($rows);
    }
    run($connection, 'COMMIT');
    step('large', $count, $sum);
}

function exercise(): void
{
    @pg_connect('password=wrong');
    preg_match('/FATAL:\s+([^\n]*)/', error_get_last()['message'], $matches);
    step('wrong password', $matches[1]);
    $connection = pg_connect('');
    step('connect', ...pg_fetch_row(run($connection, "SELECT current_user, current_setting('application_name')")));
    values($connection);
    transactions($connection);
    streams($connection);
    asynchronous($connection);
    large($connection);
    pg_send_query($connection, 'SELECT 1; SELECT 2');
    step('multi', pg_fetch_result(pg_get_result($connection), 0, 0),
        pg_fetch_result(pg_get_result($connection), 0, 0));
    pg_get_result($connection);
    result($connection, '');
    step('empty', 'ok');
    step('tables', pg_fetch_result(run($connection, <<<'SQL'
        SELECT string_agg(table_name, ' ' ORDER BY table_name) FROM information_schema.tables
        WHERE table_schema = 'public'
        SQL), 0, 0));
    run($connection, 'DISCARD ALL');
    step('reset', 'ok');
    pg_close($connection);
    step('disconnect', 'ok');
}

function attempt($connection, string $name, $result): void
{
    step($name, pg_result_error($result));
    foreach (['sqlstate' => PGSQL_DIAG_SQLSTATE, 'detail' => PGSQL_DIAG_MESSAGE_DETAIL,
        'hint' => PGSQL_DIAG_MESSAGE_HINT, 'position' => PGSQL_DIAG_STATEMENT_POSITION] as $field => $code) {
        step("$name $field", pg_result_error_field($result, $code));
    }
    if (pg_transaction_status($connection) === PGSQL_TRANSACTION_INERROR) {
        server_error("$name aborted", result($connection, 'SELECT 1'));
        run($connection, 'ROLLBACK');
    }
    step("$name after", ...pg_fetch_row(run($connection, 'SELECT count(*), max(name) FROM kept')));
}

function denied(): void
{
    $connection = pg_connect('');
    attempt($connection, 'drop', result($connection, 'DROP TABLE kept CASCADE'));
    pg_send_prepare($connection, 'making', 'CREATE TABLE made (id int)');
    $prepared = pg_get_result($connection);
    pg_get_result($connection);
    attempt($connection, 'create', $prepared);
    attempt($connection, 'update', result($connection, 'UPDATE kept SET name = $1', ['three']));
    run($connection, 'BEGIN');
    run($connection, 'INSERT INTO kept VALUES (3)');
    attempt($connection, 'transaction', result($connection, 'DELETE FROM kept'));
    attempt($connection, 'batch',
        result($connection, 'INSERT INTO kept VALUES (4); DROP TABLE kept; INSERT INTO kept VALUES (5)'));
    pg_close($connection);
}

$argv[1]();
