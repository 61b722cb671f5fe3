// pgx.

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgconn"
	"github.com/jackc/pgx/v4"
)

var ctx = context.Background()

func connect() *pgx.Conn {
	config, err := pgx.ParseConfig("")
	must(err)
	config.OnNotice = func(_ *pgconn.PgConn, notice *pgconn.Notice) { step("notice", notice.Severity, notice.Message) }
	connection, err := pgx.ConnectConfig(ctx, config)
	must(err)
	return connection
}

func serverError(name string, err error) *pgconn.PgError {
	var failed *pgconn.PgError
	if !errors.As(err, &failed) {
		panic(fmt.Sprint(name, ": no error of the server: ", err))
	}
	step(name, failed.Code, failed.Message)
	return failed
}

type executor interface {
	Exec(context.Context, string, ...interface{}) (pgconn.CommandTag, error)
}

func exec(on executor, query string, arguments ...interface{}) int64 {
	tag, err := on.Exec(ctx, query, arguments...)
	must(err)
	return tag.RowsAffected()
}

func failing(on executor, query string, arguments ...interface{}) error {
	_, err := on.Exec(ctx, query, arguments...)
	return err
}

func number(connection *pgx.Conn, query string) (n int64) {
	must(connection.QueryRow(ctx, query).Scan(&n))
	return
}

func items(connection *pgx.Conn) int64 {
	return number(connection, "SELECT count(*) FROM item")
}

func values(connection *pgx.Conn) {
	var one int
	var word string
	must(connection.QueryRow(ctx, "SELECT 1, 'one'", pgx.QuerySimpleProtocol(true)).Scan(&one, &word))
	step("simple", one, word)
	minus, three, a, u := int32(-1), int32(3), "a", "ü"
	var int4 int32
	var int8 int64
	var float float64
	var truth bool
	var numeric, text, empty, document_ string
	var null *string
	var bytes []byte
	var moment_ time.Time
	var integers []*int32
	var texts []*string
	query := strings.NewReplacer("::numeric", "::numeric::text", "::json", "::json::text").Replace(typesQuery)
	must(connection.QueryRow(ctx, query, int32(-2147483648), int64(9223372036854775807),
		"12345678901234567890.123456789", 0.1, true, unicode, "", nil, []byte("\x00\xff\\'"), moment,
		[]*int32{&minus, nil, &three}, []*string{&a, &u, nil}, document).Scan(
		&int4, &int8, &numeric, &float, &truth, &text, &empty, &null, &bytes, &moment_, &integers, &texts, &document_))
	step("int4", int4)
	step("int8", int8)
	step("numeric", numeric)
	step("float8", float)
	step("bool", truth)
	step("text", text)
	step("empty text", empty)
	if null != nil {
		panic("not NULL")
	}
	step("null", nil)
	step("bytea", fmt.Sprintf(`\x%x`, bytes))
	step("timestamptz", moment_)
	if integers[1] != nil || texts[2] != nil {
		panic("not NULL")
	}
	step("int array", fmt.Sprintf("{%d,NULL,%d}", *integers[0], *integers[2]))
	step("text array", fmt.Sprintf("{%s,%s,NULL}", *texts[0], *texts[1]))
	step("json", document_)
	var big string
	must(connection.QueryRow(ctx, "SELECT $1::text", strings.Repeat("x", 1000000)).Scan(&big))
	step("big", len(big))
	_, err := connection.Prepare(ctx, "twice", "SELECT $1::int * 2")
	must(err)
	var doubled []interface{}
	for i := 1; i <= 3; i++ {
		var n int
		must(connection.QueryRow(ctx, "twice", i).Scan(&n))
		doubled = append(doubled, n)
	}
	step("prepared", doubled...)
}

func begin(connection *pgx.Conn) pgx.Tx {
	transaction, err := connection.Begin(ctx)
	must(err)
	return transaction
}

func transactions(connection *pgx.Conn) {
	step("insert", exec(connection, "INSERT INTO item VALUES ($1, $2), ($3, $4)", 1, "one", 2, "two"))
	step("update", exec(connection, "UPDATE item SET name = $1 WHERE id = $2", "zwei", 2))
	step("delete", exec(connection, "DELETE FROM item WHERE id = $1", 2))
	transaction := begin(connection)
	exec(transaction, "INSERT INTO item VALUES (2)")
	must(transaction.Commit(ctx))
	step("commit", items(connection))
	transaction = begin(connection)
	exec(transaction, "INSERT INTO item VALUES (3)")
	must(transaction.Rollback(ctx))
	step("rollback", items(connection))
	transaction = begin(connection)
	exec(transaction, "INSERT INTO item VALUES (3)")
	savepoint, err := transaction.Begin(ctx)
	must(err)
	failed := serverError("savepoint", failing(savepoint, "INSERT INTO item VALUES ($1)", 1))
	must(savepoint.Rollback(ctx))
	exec(transaction, "INSERT INTO item VALUES (4)")
	must(transaction.Commit(ctx))
	step("constraint", failed.ConstraintName, failed.Detail)
	step("savepoint rows", items(connection))
	transaction = begin(connection)
	serverError("error", failing(transaction, "SELECT 1 / 0"))
	serverError("aborted", failing(transaction, "SELECT 1"))
	must(transaction.Rollback(ctx))
	step("after error", number(connection, "SELECT 1"))
	var position *pgconn.PgError
	errors.As(failing(connection, "SELECT nonsense"), &position)
	step("position", position.Position)
}

// One pipeline with one Sync.
func send(connection *pgx.Conn, statements ...string) error {
	batch := &pgx.Batch{}
	for _, statement := range statements {
		batch.Queue(statement)
	}
	return connection.SendBatch(ctx, batch).Close()
}

func streams(connection *pgx.Conn) {
	must(send(connection, "INSERT INTO item VALUES (11)", "INSERT INTO item VALUES (12)", "INSERT INTO item VALUES (13)"))
	step("batch", items(connection))
	serverError("batch error", send(connection, "INSERT INTO item VALUES (21)", "SELECT 1 / (SELECT 0)", "SELECT 1"))
	step("batch rows", items(connection))
	var rows [][]interface{}
	for i := 1001; i <= 2000; i++ {
		rows = append(rows, []interface{}{i})
	}
	copied, err := connection.CopyFrom(ctx, pgx.Identifier{"item"}, []string{"id"}, pgx.CopyFromRows(rows)) // in binary
	must(err)
	step("copy in", copied)
	_, err = connection.PgConn().CopyFrom(ctx, strings.NewReader("x\n"), "COPY item (id) FROM STDIN")
	serverError("copy error", err)
	var out bytes.Buffer
	_, err = connection.PgConn().CopyTo(ctx, &out, "COPY (SELECT id FROM item WHERE id > 1000 ORDER BY id) TO STDOUT")
	must(err)
	lines, sum := strings.Fields(out.String()), 0
	for _, line := range lines {
		var n int
		fmt.Sscan(line, &n)
		sum += n
	}
	step("copy out", len(lines), sum)
}

func asynchronous(connection *pgx.Conn) {
	exec(connection, "SELECT say('hello')")
	exec(connection, "LISTEN tidings")
	exec(connection, "NOTIFY tidings, 'payload'")
	waiting, stop := context.WithTimeout(ctx, 10*time.Second)
	defer stop()
	notification, err := connection.WaitForNotification(waiting)
	must(err)
	step("notify", notification.Channel, notification.Payload)
	go func() {
		other := connect()
		exec(other, "SELECT await_sleeper()")
		must(other.Close(ctx))
		must(connection.PgConn().CancelRequest(ctx))
	}()
	serverError("cancel", failing(connection, "SELECT pg_sleep(30)"))
	time.Sleep(300 * time.Millisecond) // PostgreSQL signals twice: the second signal must not meet the next statement.
}

// A cursor of SQL, in which case it fetches as much as it is told to.
func large(connection *pgx.Conn) {
	transaction := begin(connection)
	exec(transaction, "DECLARE large CURSOR FOR SELECT i, repeat('x', 100) FROM generate_series(0, 19999) i")
	var count, sum int64
	for fetched := true; fetched; {
		rows, err := transaction.Query(ctx, "FETCH 1000 FROM large")
		must(err)
		for fetched = false; rows.Next(); fetched = true {
			var i int64
			var text string
			must(rows.Scan(&i, &text))
			count++
			sum += i
		}
		must(rows.Err())
	}
	must(transaction.Commit(ctx))
	step("large", count, sum)
}

func exercise() {
	config, err := pgx.ParseConfig("password=wrong")
	must(err)
	_, err = pgx.ConnectConfig(ctx, config)
	var refused *pgconn.PgError
	errors.As(err, &refused)
	step("wrong password", refused.Message)
	connection := connect()
	var user, application string
	must(connection.QueryRow(ctx, identity).Scan(&user, &application))
	step("connect", user, application)
	values(connection)
	transactions(connection)
	streams(connection)
	asynchronous(connection)
	large(connection)
	results, err := connection.PgConn().Exec(ctx, "SELECT 1; SELECT 2").ReadAll()
	must(err)
	step("multi", string(results[0].Rows[0][0]), string(results[1].Rows[0][0]))
	exec(connection, "")
	step("empty", "ok")
	var names string
	must(connection.QueryRow(ctx, tables).Scan(&names))
	step("tables", names)
	exec(connection, "DISCARD ALL")
	step("reset", "ok")
	must(connection.Close(ctx))
	step("disconnect", "ok")
}

func denied() {
	connection := connect()

	attempt := func(name string, err error) {
		var failed *pgconn.PgError
		if errors.As(err, &failed) {
			step(name, err)
			step(name+" sqlstate", failed.Code)
			step(name+" detail", failed.Detail)
			step(name+" hint", failed.Hint)
			step(name+" position", failed.Position)
		}
		var count int
		var last string
		must(connection.QueryRow(ctx, "SELECT count(*), max(name) FROM kept").Scan(&count, &last))
		step(name+" after", count, last)
	}

	attempt("drop", failing(connection, "DROP TABLE kept CASCADE", pgx.QuerySimpleProtocol(true)))
	_, err := connection.Prepare(ctx, "making", "CREATE TABLE made (id int)")
	attempt("create", err)
	attempt("update", failing(connection, "UPDATE kept SET name = $1", "three"))
	transaction := begin(connection)
	exec(transaction, "INSERT INTO kept VALUES (3)")
	err = failing(transaction, "DELETE FROM kept")
	serverError("transaction aborted", failing(transaction, "SELECT 1"))
	must(transaction.Rollback(ctx))
	attempt("transaction", err)
	attempt("batch", send(connection, "INSERT INTO kept VALUES (4)", "DROP TABLE kept", "INSERT INTO kept VALUES (5)"))
	must(connection.Close(ctx))
}
