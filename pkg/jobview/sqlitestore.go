package jobview

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	_ "modernc.org/sqlite" // the driver

	"github.com/millrace/millrace/pkg/fault"
)

// sqliteStore keeps each generation in a file of its own. The file "current" names
// the one that serves; whoever holds the lock of the file "lock" leads.
type sqliteStore struct {
	dir string

	mu   sync.Mutex
	lock *os.File
}

// Names of files in the folder.
const (
	currentName = "current"
	lockName    = "lock"
	filePrefix  = "view-"
	fileSuffix  = ".db"
	unfinished  = ".new"
)

// Kind is "sqlite".
func (s *sqliteStore) Kind() string { return sqliteDialect.kind }

func (s *sqliteStore) file(generation int64) string {
	return filepath.Join(s.dir, filePrefix+strconv.FormatInt(generation, 10)+fileSuffix)
}

// Generations lists the files.
func (s *sqliteStore) Generations(context.Context) (all []int64, current int64, err error) {
	entries, err := os.ReadDir(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, sqliteExplain("list generations", err)
	}
	for _, e := range entries {
		middle, ok := strings.CutPrefix(e.Name(), filePrefix)
		middle, ok2 := strings.CutSuffix(middle, fileSuffix)
		if n, err := strconv.ParseInt(middle, 10, 64); ok && ok2 && err == nil && n > 0 {
			all = append(all, n)
		}
	}
	slices.Sort(all)
	text, err := os.ReadFile(filepath.Join(s.dir, currentName))
	if errors.Is(err, fs.ErrNotExist) {
		return all, 0, nil
	}
	if err != nil {
		return nil, 0, sqliteExplain("read which generation serves", err)
	}
	current, err = strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil || !slices.Contains(all, current) {
		return all, 0, nil
	}
	return all, current, nil
}

// Create makes the file of a generation.
func (s *sqliteStore) Create(ctx context.Context, generation int64, log string) error {
	if v, err := s.Open(ctx, generation); err == nil {
		return v.Close()
	}
	if err := s.Drop(ctx, generation); err != nil {
		return err
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return sqliteExplain("make the folder", err)
	}
	// It gets its name when it is whole, so that nobody takes it for one that is damaged.
	path := s.file(generation)
	f, err := os.OpenFile(path+unfinished, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		return sqliteExplain("make a file", err)
	}
	v := sqliteView(generation, path+unfinished)
	err = v.change(ctx, "make a generation", func(w *writer) error {
		return makeTables(ctx, w.tx, w.d, w.prefix, log)
	})
	if err = errors.Join(err, v.Close()); err != nil {
		return err
	}
	return sqliteExplain("name a generation", os.Rename(path+unfinished, path))
}

// Open opens the file of a generation.
func (s *sqliteStore) Open(ctx context.Context, generation int64) (*View, error) {
	// SQLite makes a file that is not there.
	if _, err := os.Stat(s.file(generation)); errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.ViewDamaged, "it is not there", nil)
	}
	v := sqliteView(generation, s.file(generation))
	if err := v.check(ctx); err != nil {
		return nil, errors.Join(err, v.Close())
	}
	return v, nil
}

// Settings of a connection. A crash of the machine may cost the last transactions,
// which are then made again.
var pragmas = []string{
	"journal_mode(WAL)", "synchronous(NORMAL)", "busy_timeout(5000)", "temp_store(MEMORY)",
	"cache_size(-16384)", "journal_size_limit(67108864)",
}

// readers is how many lists are read at once.
const readers = 4

func sqliteView(generation int64, file string) *View {
	open := func(most int, more url.Values) *sql.DB {
		for _, p := range pragmas {
			more.Add("_pragma", p)
		}
		path, err := filepath.Abs(file)
		if err != nil {
			path = file
		}
		// Open only fails without the driver.
		db, _ := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: path, RawQuery: more.Encode()}).String())
		db.SetMaxOpenConns(most)
		db.SetMaxIdleConns(most)
		return db
	}
	write := open(1, url.Values{"_txlock": {"immediate"}})
	read := open(readers, url.Values{"_pragma": {"query_only(1)"}})
	return &View{
		Generation: generation, d: sqliteDialect, write: write, read: read,
		close: func() error { return errors.Join(read.Close(), write.Close()) },
	}
}

// Serve replaces the file that names the generation, as a whole.
func (s *sqliteStore) Serve(_ context.Context, generation int64) error {
	path := filepath.Join(s.dir, currentName)
	err := os.WriteFile(path+unfinished, []byte(strconv.FormatInt(generation, 10)+"\n"), 0o600)
	if err == nil {
		err = os.Rename(path+unfinished, path)
	}
	return sqliteExplain("switch generations", err)
}

// Drop removes the files of a generation.
func (s *sqliteStore) Drop(_ context.Context, generation int64) error {
	for _, suffix := range []string{"-wal", "-shm", unfinished, unfinished + "-wal", unfinished + "-shm", ""} {
		err := os.Remove(s.file(generation) + suffix)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return sqliteExplain("remove a generation", err)
		}
	}
	return nil
}

// Lead takes the lock, which ends with the process.
func (s *sqliteStore) Lead(context.Context) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lock != nil {
		return true, nil
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return false, sqliteExplain("make the folder", err)
	}
	f, err := os.OpenFile(filepath.Join(s.dir, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return false, sqliteExplain("open the lock", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err != nil {
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return false, nil
		}
		return false, sqliteExplain("lock the folder", err)
	}
	s.lock = f
	return true, nil
}

// Close gives the lock back.
func (s *sqliteStore) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lock == nil {
		return nil
	}
	err := s.lock.Close()
	s.lock = nil
	return err
}
