<?php
// PHP's PDO with its pgsql driver.

const TYPES = ['int4', 'int8', 'numeric', 'float8', 'bool', 'text', 'empty text', 'null', 'bytea', 'timestamptz',
    'int array', 'text array', 'json'];

function step(string $name, ...$values): void
{
    echo "$name: ", str_replace("\n", '\n', implode(' ', array_map(fn ($value) => $value ?? 'NULL', $values))), "\n";
}

function connected(string $options = ''): PDO
{
    return new PDO("pgsql:$options");
}

// The values are bound to a prepared statement.
function run(PDO $connection, string $sql, array $values = []): PDOStatement
{
    $statement = $connection->prepare($sql);
    foreach ($values as $i => $value) {
        $statement->bindValue($i + 1, $value, match (true) {
            is_int($value) => PDO::PARAM_INT,
            is_bool($value) => PDO::PARAM_BOOL,
            is_resource($value) => PDO::PARAM_LOB,
            default => PDO::PARAM_STR,
        });
    }
    $statement->execute();
    return $statement;
}

function failure(callable $run): PDOException
{
    try {
        $run();
    } catch (PDOException $error) {
        return $error;
    }
    throw new Exception('no error');
}

function server_error(string $name, callable $run): void
{
    $error = failure($run);
    preg_match('/ERROR:\s+([^\n]*)/', $error->errorInfo[2], $matches);
    step($name, $error->errorInfo[0], $matches[1]);
}

function items(PDO $connection): int
{
    return run($connection, 'SELECT count(*) FROM item')->fetchColumn();
}

function values(PDO $connection): void
{
    step('simple', ...$connection->query("SELECT 1, 'one'", PDO::FETCH_NUM)->fetch());
    $bytes = fopen('php://memory', 'r+');
    fwrite($bytes, "\0\xff\\'");
    rewind($bytes);
    $row = run($connection,
        'SELECT ?::int4, ?::int8, ?::numeric, ?::float8, ?::bool, ?::text, ?::text, ?::text, ?::bytea, ?::timestamptz,
            ?::int[], ?::text[], ?::json',
        [-2147483648, PHP_INT_MAX, '12345678901234567890.123456789', 0.1, true,
            "naïve ✓ 𝄞 'single' \"double\" \\ back", '', null, $bytes, '2024-02-29 12:34:56.789+00', '{-1,NULL,3}',
            '{a,ü,NULL}', '{"a":[1,null,"ü"]}'])->fetch(PDO::FETCH_NUM);
    foreach (TYPES as $i => $type) {
        step($type, match (true) {
            is_bool($row[$i]) => $row[$i] ? 't' : 'f',
            is_resource($row[$i]) => '\x' . bin2hex(stream_get_contents($row[$i])),
            default => $row[$i],
        });
    }
    step('big', strlen(run($connection, 'SELECT ?::text', [str_repeat('x', 1000000)])->fetchColumn()));
    $twice = $connection->prepare('SELECT ?::int * 2');
    $doubled = [];
    foreach ([1, 2, 3] as $number) {
        $twice->execute([$number]);
        $doubled[] = $twice->fetchColumn();
    }
    step('prepared', ...$doubled);
}

function transactions(PDO $connection): void
{
    $count = fn (...$query) => run($connection, ...$query)->rowCount();
    step('insert', $count('INSERT INTO item VALUES (?, ?), (?, ?)', [1, 'one', 2, 'two']));
    step('update', $count('UPDATE item SET name = ? WHERE id = ?', ['zwei', 2]));
    step('delete', $count('DELETE FROM item WHERE id = ?', [2]));
    $connection->beginTransaction();
    $connection->exec('INSERT INTO item VALUES (2)');
    $connection->commit();
    step('commit', items($connection));
    $connection->beginTransaction();
    $connection->exec('INSERT INTO item VALUES (3)');
    $connection->rollBack();
    step('rollback', items($connection));
    $connection->beginTransaction();
    $connection->exec('INSERT INTO item VALUES (3)');
    $connection->exec('SAVEPOINT here');
    server_error('savepoint', fn () => run($connection, 'INSERT INTO item VALUES (?)', [1]));
    $connection->exec('ROLLBACK TO SAVEPOINT here');
    $connection->exec('INSERT INTO item VALUES (4)');
    $connection->commit();
    step('savepoint rows', items($connection));
    $connection->beginTransaction();
    server_error('error', fn () => $connection->query('SELECT 1 / 0'));
    server_error('aborted', fn () => $connection->query('SELECT 1'));
    $connection->rollBack();
    step('after error', $connection->query('SELECT 1')->fetchColumn());
}

function streams(PDO $connection): void
{
    $connection->exec('INSERT INTO item VALUES (11); INSERT INTO item VALUES (12); INSERT INTO item VALUES (13)');
    step('batch', items($connection));
    server_error('batch error', fn () =>
        $connection->exec('INSERT INTO item VALUES (21); SELECT 1 / 0; INSERT INTO item VALUES (22)'));
    step('batch rows', items($connection));
    $connection->pgsqlCopyFromArray('item', array_map(fn ($id) => "$id\n", range(1001, 2000)), "\t", '\\\\N', 'id');
    step('copy in', run($connection, 'SELECT count(*) FROM item WHERE id > 1000')->fetchColumn());
    server_error('copy error', fn () => $connection->pgsqlCopyFromArray('item', ["x\n"], "\t", '\\\\N', 'id'));
    $ids = array_map('intval', $connection->pgsqlCopyToArray('(SELECT id FROM item WHERE id > 1000 ORDER BY id)'));
    step('copy out', count($ids), array_sum($ids));
}

function asynchronous(PDO $connection): void
{
    $connection->exec("SELECT say('hello')");
    $connection->exec('LISTEN tidings');
    $connection->exec("NOTIFY tidings, 'payload'");
    $notification = $connection->pgsqlGetNotify(PDO::FETCH_ASSOC, 10000);
    step('notify', $notification['message'], $notification['payload']);
}

// A cursor of SQL: PDO's own fetches row by row.
function large(PDO $connection): void
{
    $connection->beginTransaction();
    $connection->exec("DECLARE large CURSOR FOR SELECT i, repeat('x', 100) FROM generate_series(0, 19999) i");
    $fetch = $connection->prepare('FETCH 1000 FROM large');
    for ($count = $sum = 0; $fetch->execute() && ($rows = $fetch->fetchAll(PDO::FETCH_COLUMN)); ) {
        $count += count($rows);
        $sum += array_sum($rows);
    }
    $connection->commit();
    step('large', $count, $sum);
}

function exercise(): void
{
    preg_match('/FATAL:\s+([^\n]*)/', failure(fn () => connected('password=wrong'))->getMessage(), $matches);
    step('wrong password', $matches[1]);
    $connection = connected();
    $user = $connection->query("SELECT current_user, current_setting('application_name')");
    step('connect', ...$user->fetch(PDO::FETCH_NUM));
    values($connection);
    transactions($connection);
    streams($connection);
    asynchronous($connection);
    large($connection);
    step('tables', run($connection, <<<'SQL'
        SELECT string_agg(table_name, ' ' ORDER BY table_name) FROM information_schema.tables
        WHERE table_schema = 'public'
        SQL)->fetchColumn());
    $connection->exec('DISCARD ALL');
    step('reset', 'ok');
    unset($connection);
    step('disconnect', 'ok');
}

function attempt(PDO $connection, string $name, callable $run): void
{
    $error = failure($run);
    step($name, $error->getMessage());
    step("$name sqlstate", $error->getCode());
    if ($connection->inTransaction()) {
        server_error("$name aborted", fn () => $connection->query('SELECT 1'));
        $connection->rollBack();
    }
    step("$name after", ...$connection->query('SELECT count(*), max(name) FROM kept')->fetch(PDO::FETCH_NUM));
}

function denied(): void
{
    $connection = connected();
    attempt($connection, 'drop', fn () => $connection->exec('DROP TABLE kept CASCADE'));
    attempt($connection, 'create', fn () => run($connection, 'CREATE TABLE made (id int)'));
    attempt($connection, 'update', fn () => run($connection, 'UPDATE kept SET name = ?', ['three']));
    $connection->beginTransaction();
    $connection->exec('INSERT INTO kept VALUES (3)');
    attempt($connection, 'transaction', fn () => $connection->exec('DELETE FROM kept'));
    attempt($connection, 'batch', fn () =>
        $connection->exec('INSERT INTO kept VALUES (4); DROP TABLE kept; INSERT INTO kept VALUES (5)'));
}

$argv[1]();
