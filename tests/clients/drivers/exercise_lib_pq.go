// lib/pq, through database/sql.

package main

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/lib/pq"
)

var ctx = context.Background()

func open(options string) *sql.DB {
	connector, err := pq.NewConnector("sslmode=disable " + options)
	must(err)
	return sql.OpenDB(pq.ConnectorWithNoticeHandler(connector, func(notice *pq.Error) {
		step("notice", notice.Severity, notice.Message)
	}))
}

func serverError(name string, err error) *pq.Error {
	var failed *pq.Error
	if !errors.As(err, &failed) {
		panic(name + ": no error of the server")
	}
	step(name, failed.Code, failed.Message)
	return failed
}

func exec(on interface {
	ExecContext(context.Context, string, ...interface{}) (sql.Result, error)
}, query string, arguments ...interface{}) int64 {
	result, err := on.ExecContext(ctx, query, arguments...)
	must(err)
	count, err := result.RowsAffected()
	must(err)
	return count
}

func number(connection *sql.Conn, query string) (n int64) {
	must(connection.QueryRowContext(ctx, query).Scan(&n))
	return
}

func items(connection *sql.Conn) int64 {
	return number(connection, "SELECT count(*) FROM item")
}

func values(connection *sql.Conn) {
	var one int
	var word string
	must(connection.QueryRowContext(ctx, "SELECT 1, 'one'").Scan(&one, &word))
	step("simple", one, word)
	var int4 int32
	var int8 int64
	var float float64
	var truth bool
	var numeric, text, empty, document_ string
	var null *string
	var bytes []byte
	var moment_ time.Time
	var integers []sql.NullInt64
	var texts []sql.NullString
	must(connection.QueryRowContext(ctx, typesQuery, -2147483648, int64(9223372036854775807),
		"12345678901234567890.123456789", 0.1, true, unicode, "", nil, []byte("\x00\xff\\'"), moment,
		pq.Array([]sql.NullInt64{{Int64: -1, Valid: true}, {}, {Int64: 3, Valid: true}}),
		pq.Array([]sql.NullString{{String: "a", Valid: true}, {String: "ü", Valid: true}, {}}), document).Scan(
		&int4, &int8, &numeric, &float, &truth, &text, &empty, &null, &bytes, &moment_, pq.Array(&integers),
		pq.Array(&texts), &document_))
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
	hex, _ := pq.ByteaArray([][]byte{bytes}).Value()
	step("bytea", strings.Trim(strings.ReplaceAll(hex.(string), `\\`, `\`), `{}"`))
	step("timestamptz", moment_)
	written, _ := pq.Array(integers).Value()
	step("int array", written)
	written, _ = pq.Array(texts).Value()
	step("text array", strings.ReplaceAll(written.(string), `"`, ""))
	step("json", document_)
	var big string
	must(connection.QueryRowContext(ctx, "SELECT $1::text", strings.Repeat("x", 1000000)).Scan(&big))
	step("big", len(big))
	statement, err := connection.PrepareContext(ctx, "SELECT $1::int * 2")
	must(err)
	var doubled [3]interface{}
	for i := range doubled {
		must(statement.QueryRow(i + 1).Scan(&doubled[i]))
	}
	must(statement.Close())
	step("prepared", doubled[:]...)
}

func begin(connection *sql.Conn) *sql.Tx {
	transaction, err := connection.BeginTx(ctx, nil)
	must(err)
	return transaction
}

func transactions(connection *sql.Conn) {
	step("insert", exec(connection, "INSERT INTO item VALUES ($1, $2), ($3, $4)", 1, "one", 2, "two"))
	step("update", exec(connection, "UPDATE item SET name = $1 WHERE id = $2", "zwei", 2))
	step("delete", exec(connection, "DELETE FROM item WHERE id = $1", 2))
	transaction := begin(connection)
	exec(transaction, "INSERT INTO item VALUES (2)")
	must(transaction.Commit())
	step("commit", items(connection))
	transaction = begin(connection)
	exec(transaction, "INSERT INTO item VALUES (3)")
	must(transaction.Rollback())
	step("rollback", items(connection))
	transaction = begin(connection)
	exec(transaction, "INSERT INTO item VALUES (3)")
	exec(transaction, "SAVEPOINT here")
	_, err := transaction.Exec("INSERT INTO item VALUES ($1)", 1)
	failed := serverError("savepoint", err)
	exec(transaction, "ROLLBACK TO SAVEPOINT here")
	exec(transaction, "INSERT INTO item VALUES (4)")
	must(transaction.Commit())
	step("constraint", failed.Constraint, failed.Detail)
	step("savepoint rows", items(connection))
	transaction = begin(connection)
	_, err = transaction.Exec("SELECT 1 / 0")
	serverError("error", err)
	_, err = transaction.Exec("SELECT 1")
	serverError("aborted", err)
	must(transaction.Rollback())
	step("after error", number(connection, "SELECT 1"))
	_, err = connection.ExecContext(ctx, "SELECT nonsense")
	step("position", err.(*pq.Error).Position)
}

// Its batch is COPY; several statements go in one Query.
func streams(connection *sql.Conn) {
	exec(connection, "INSERT INTO item VALUES (11); INSERT INTO item VALUES (12); INSERT INTO item VALUES (13)")
	step("batch", items(connection))
	_, err := connection.ExecContext(ctx, "INSERT INTO item VALUES (21); SELECT 1 / 0; INSERT INTO item VALUES (22)")
	serverError("batch error", err)
	step("batch rows", items(connection))
	transaction := begin(connection)
	statement, err := transaction.Prepare(pq.CopyIn("item", "id"))
	must(err)
	for i := 1001; i <= 2000; i++ {
		_, err = statement.Exec(i)
		must(err)
	}
	result, err := statement.Exec()
	must(err)
	must(statement.Close())
	must(transaction.Commit())
	copied, _ := result.RowsAffected()
	step("copy in", copied)
	transaction = begin(connection)
	statement, err = transaction.Prepare(pq.CopyIn("item", "id"))
	must(err)
	_, err = statement.Exec("x")
	must(err)
	_, err = statement.Exec()
	serverError("copy error", err)
	must(transaction.Rollback())
}

func asynchronous(db *sql.DB, connection *sql.Conn) {
	exec(connection, "SELECT say('hello')")
	listener := pq.NewListener("sslmode=disable", time.Second, time.Minute, nil)
	must(listener.Listen("tidings"))
	exec(connection, "NOTIFY tidings, 'payload'")
	select {
	case notification := <-listener.Notify:
		step("notify", notification.Channel, notification.Extra)
	case <-time.After(10 * time.Second):
		panic("no notification")
	}
	must(listener.Close())
	cancellable, cancel := context.WithCancel(ctx)
	go func() {
		exec(connection, "SELECT await_sleeper()")
		cancel()
	}()
	_, err := db.ExecContext(cancellable, "SELECT pg_sleep(30)") // on another connection, whose end this is
	serverError("cancel", err)
}

func large(connection *sql.Conn) {
	rows, err := connection.QueryContext(ctx, "SELECT i, repeat('x', 100) FROM generate_series(0, $1::int) i", 19999)
	must(err)
	var count, sum, i int64
	var text string
	for rows.Next() {
		must(rows.Scan(&i, &text))
		count++
		sum += i
	}
	must(rows.Err())
	step("large", count, sum)
}

func multi(connection *sql.Conn) {
	rows, err := connection.QueryContext(ctx, "SELECT 1; SELECT 2")
	must(err)
	var results []interface{}
	for more := true; more; more = rows.NextResultSet() {
		for rows.Next() {
			var n int
			must(rows.Scan(&n))
			results = append(results, n)
		}
	}
	must(rows.Err())
	step("multi", results...)
}

func exercise() {
	refused := open("password=wrong")
	step("wrong password", afterColon(refused.Ping().Error(), "pq: "))
	must(refused.Close())
	db := open("")
	connection, err := db.Conn(ctx)
	must(err)
	var user, application string
	must(connection.QueryRowContext(ctx, identity).Scan(&user, &application))
	step("connect", user, application)
	values(connection)
	transactions(connection)
	streams(connection)
	asynchronous(db, connection)
	large(connection)
	multi(connection)
	_, err = connection.ExecContext(ctx, "")
	must(err)
	step("empty", "ok")
	var names string
	must(connection.QueryRowContext(ctx, tables).Scan(&names))
	step("tables", names)
	exec(connection, "DISCARD ALL")
	step("reset", "ok")
	must(connection.Close())
	_ = db.Close() // it complains of the connection that the cancelled context has closed
	step("disconnect", "ok")
}

func denied() {
	db := open("")
	connection, err := db.Conn(ctx)
	must(err)

	attempt := func(name string, err error) {
		if failed, ok := err.(*pq.Error); ok {
			step(name, err)
			step(name+" sqlstate", failed.Code)
			step(name+" detail", failed.Detail)
			step(name+" hint", failed.Hint)
			step(name+" position", failed.Position)
		}
		var count int
		var last string
		must(connection.QueryRowContext(ctx, "SELECT count(*), max(name) FROM kept").Scan(&count, &last))
		step(name+" after", count, last)
	}

	_, err = connection.ExecContext(ctx, "DROP TABLE kept CASCADE")
	attempt("drop", err)
	_, err = connection.PrepareContext(ctx, "CREATE TABLE made (id int)")
	attempt("create", err)
	_, err = connection.ExecContext(ctx, "UPDATE kept SET name = $1", "three")
	attempt("update", err)
	transaction := begin(connection)
	exec(transaction, "INSERT INTO kept VALUES (3)")
	_, err = transaction.Exec("DELETE FROM kept")
	_, aborted := transaction.Exec("SELECT 1")
	serverError("transaction aborted", aborted)
	must(transaction.Rollback())
	attempt("transaction", err)
	_, err = connection.ExecContext(ctx, "INSERT INTO kept VALUES (4); DROP TABLE kept; INSERT INTO kept VALUES (5)")
	attempt("batch", err)
	must(connection.Close())
	must(db.Close())
}
