package pages

import (
	"path/filepath"
	"runtime"
	"testing"

	"go.etcd.io/bbolt"
)

// A walk takes a bit of memory for each page of a file, beside what few pages
// take that it looks at: a log of 100 GB has 26 million.
func TestWalkTakesABitAPage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.db")
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	const size = 16 << 20
	err = db.Update(func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucket([]byte("b"))
		if err != nil {
			return err
		}
		return b.Put([]byte("large"), make([]byte, size))
	})
	if err != nil {
		t.Fatal(err)
	}
	pages := uint64(size / db.Info().PageSize)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err = Walk(path, func(page uint64, err error) { t.Errorf("page %d: %v", page, err) })
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Fatal(err)
	}
	took := after.TotalAlloc - before.TotalAlloc
	t.Logf("%d bytes for %d pages", took, pages)
	if want := pages/8 + 64<<10; took > want {
		t.Errorf("the walk took %d bytes for %d pages, want at most %d", took, pages, want)
	}
}

// Each page is visited once; those behind the end of the file are not noted.
func TestVisit(t *testing.T) {
	w := walk{visited: make([]uint64, 2)}
	for _, id := range []uint64{2, 63, 64, 127} {
		if !w.visit(id) || w.visit(id) {
			t.Errorf("page %d is not new once and known then", id)
		}
	}
	if !w.visit(128) || !w.visit(1<<60) {
		t.Error("a page behind the end of the file is known")
	}
}
