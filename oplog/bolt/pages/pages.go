// Package pages follows the pages of a bbolt file from its root, by reading the
// file. bbolt itself trusts its pages: a damaged one makes it panic or touch
// memory that is not there, in goroutines where nobody can catch that. A file
// that passes [Walk] is safe to open, without its freelist (NoFreelistSync). What
// keys and values say is not looked at.
package pages

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
)

// walk is one walk through a file.
//
// Layout of bbolt's file, all numbers in the byte order of the machine:
//
//	page    uint64 id, uint16 flags, uint16 count, uint32 overflow, then
//	  branch  count × (uint32 pos, uint32 ksize, uint64 page), keys
//	  leaf    count × (uint32 flags, uint32 pos, uint32 ksize, uint32 vsize), keys and values
//	  meta    uint32 magic, version, page size, flags, bucket root, uint64 freelist, end, txid, FNV-1a
//	bucket  uint64 page, uint64 sequence, and for page 0 the bucket's only page
//
// pos counts from the start of its own element.
type walk struct {
	file   io.ReaderAt
	report func(page uint64, err error)

	buffer  []byte // of a leaf, which nothing refers to once it is checked
	size    int64  // of the file
	page    int64  // size of a page
	end     uint64
	visited []uint64 // a bit for each page of the file
}

const (
	pageHeader  = 16
	pageElement = 16
	metaBytes   = 64

	flagBranch     = 0x01
	flagLeaf       = 0x02
	flagBucketLeaf = 0x01

	bboltMagic   = 0xED0CDAED
	bboltVersion = 2
)

// Walk reports what is wrong with the pages of the file at path. The error is
// about the file itself. Pages 0 and 1 are the meta pages: one that is damaged
// is passed over for the other. Nobody may write to the file meanwhile.
func Walk(path string, report func(page uint64, err error)) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	w := walk{file: f, report: report, size: info.Size()}
	if root, ok := w.metas(); ok {
		w.visited = make([]uint64, w.size/w.page/64+1)
		w.below(root, nil, nil)
	}
	return nil
}

// metas reads the two meta pages and returns the page of the root bucket.
func (w *walk) metas() (root uint64, ok bool) {
	var newest uint64
	sizes := []int64{int64(os.Getpagesize()), 4 << 10, 16 << 10, 64 << 10}
	for i := range uint64(2) {
		m, err := w.meta(i, sizes)
		if err != nil {
			w.report(i, fmt.Errorf("meta page: %w", err))
			continue
		}
		w.page = int64(m.pageSize)
		sizes = []int64{w.page}
		if !ok || m.txid > newest {
			root, newest, w.end, ok = m.root, m.txid, m.end, true
		}
	}
	if ok && int64(w.end) > w.size/w.page {
		w.report(w.end-1, fmt.Errorf("the file ends before it, after %d bytes", w.size))
	}
	return root, ok
}

type metaPage struct {
	pageSize        uint32
	root, end, txid uint64
}

// meta reads meta page i, which is at one of the given page sizes.
func (w *walk) meta(i uint64, sizes []int64) (m metaPage, err error) {
	for _, size := range sizes {
		b := make([]byte, pageHeader+metaBytes)
		if _, err = w.file.ReadAt(b, int64(i)*size); err != nil {
			continue
		}
		if m, err = parseMeta(b[pageHeader:]); err == nil {
			return m, nil
		}
	}
	return m, err
}

func parseMeta(b []byte) (m metaPage, err error) {
	order := binary.NativeEndian
	h := fnv.New64a()
	h.Write(b[:56])
	m = metaPage{order.Uint32(b[8:]), order.Uint64(b[16:]), order.Uint64(b[40:]), order.Uint64(b[48:])}
	switch {
	case order.Uint32(b) != bboltMagic || order.Uint32(b[4:]) != bboltVersion:
		return m, errors.New("it is not that of a bbolt file")
	case order.Uint64(b[56:]) != h.Sum64():
		return m, errors.New("checksum does not match")
	case m.pageSize < 512 || m.pageSize > 1<<24:
		return m, fmt.Errorf("page size %d", m.pageSize)
	}
	return m, nil
}

// below checks a page and what is below it. Its keys must be in order, from low
// on and below high, which is nil for the last page of a bucket.
func (w *walk) below(id uint64, low, high []byte) {
	p, err := w.read(id)
	if err == nil {
		err = w.check(p, low, high)
	}
	if err != nil {
		w.report(id, err)
		return
	}
	for i := range p.count {
		e := p.element(i)
		switch {
		case p.flags == flagBranch:
			end := high
			if i+1 < p.count {
				end, _ = w.key(p, i+1)
			}
			start, _ := w.key(p, i)
			w.below(e.page, start, end)
		case e.isBucket:
			w.bucket(p, i)
		}
	}
}

// bucket checks the bucket that is the value of an element.
func (w *walk) bucket(p page, i int) {
	const header = 16
	b, err := w.value(p, i)
	if err != nil || len(b) < header {
		w.report(p.id, fmt.Errorf("bucket %d is too short", i))
		return
	}
	if root := binary.NativeEndian.Uint64(b); root != 0 {
		w.below(root, nil, nil)
		return
	}
	inline, err := parsePage(b[header:])
	inline.id, inline.size = p.id, len(b)-header
	if err == nil && inline.flags != flagLeaf {
		err = errors.New("its page is not a leaf")
	}
	if err == nil {
		err = w.check(inline, nil, nil)
	}
	if err != nil {
		w.report(p.id, fmt.Errorf("bucket %d: %w", i, err))
	}
}

// page is a page with those that it flows over into.
type page struct {
	id    uint64
	flags uint16
	count int
	size  int
	bytes []byte // from the start; of large values the rest is left out
}

func parsePage(b []byte) (p page, err error) {
	if len(b) < pageHeader {
		return p, errors.New("it is too short")
	}
	p.id = binary.NativeEndian.Uint64(b)
	p.flags = binary.NativeEndian.Uint16(b[8:])
	p.count = int(binary.NativeEndian.Uint16(b[10:]))
	p.bytes = b
	return p, nil
}

// refers reports whether a page may refer to others.
func (p *page) refers() bool {
	if p.flags != flagLeaf {
		return true
	}
	for i := range p.count {
		if pageHeader+(i+1)*pageElement > len(p.bytes) || p.element(i).isBucket {
			return true
		}
	}
	return false
}

// element is where an element of a page has its key and value.
type element struct {
	key, keyEnd, end int // offsets in the page
	page             uint64
	isBucket         bool
}

func (p *page) element(i int) (e element) {
	order := binary.NativeEndian
	at := pageHeader + i*pageElement
	b := p.bytes[at : at+pageElement]
	if p.flags == flagBranch {
		e.key = at + int(order.Uint32(b))
		e.keyEnd = e.key + int(order.Uint32(b[4:]))
		e.end = e.keyEnd
		e.page = order.Uint64(b[8:])
		return e
	}
	e.isBucket = order.Uint32(b)&flagBucketLeaf != 0
	e.key = at + int(order.Uint32(b[4:]))
	e.keyEnd = e.key + int(order.Uint32(b[8:]))
	e.end = e.keyEnd + int(order.Uint32(b[12:]))
	return e
}

// read returns a page of the file.
func (w *walk) read(id uint64) (p page, err error) {
	if id < 2 || id >= w.end {
		return p, fmt.Errorf("it is outside the file's %d pages", w.end)
	}
	if !w.visit(id) {
		return p, errors.New("it is in use twice")
	}
	if w.buffer == nil {
		w.buffer = make([]byte, w.page)
	}
	b := w.buffer
	if _, err := w.file.ReadAt(b, int64(id)*w.page); err != nil {
		return p, err
	}
	if p, err = parsePage(b); err != nil {
		return p, err
	}
	if p.refers() {
		w.buffer = nil // its keys are needed while what is below it is walked
	}
	overflow := uint64(binary.NativeEndian.Uint32(b[12:]))
	switch {
	case p.id != id:
		return p, fmt.Errorf("it says that it is page %d", p.id)
	case overflow >= w.end-id:
		return p, fmt.Errorf("its length of %d pages passes the end", overflow+1)
	}
	for i := range min(overflow, uint64(w.size/w.page)) { // the end that a damaged file claims may be far behind it
		if !w.visit(id + 1 + i) {
			return p, fmt.Errorf("page %d, into which it flows over, is in use twice", id+1+i)
		}
	}
	p.size = int(overflow+1) * int(w.page)
	if all := pageHeader + p.count*pageElement; all > len(b) && all <= p.size {
		p.bytes = make([]byte, all)
		_, err = w.file.ReadAt(p.bytes, int64(id)*w.page)
	}
	return p, err
}

// visit reports whether a page is visited for the first time. It notes no page
// behind the end of the file: what is there cannot be read anyway.
func (w *walk) visit(id uint64) bool {
	i, bit := id/64, uint64(1)<<(id%64)
	if i >= uint64(len(w.visited)) {
		return true
	}
	if w.visited[i]&bit != 0 {
		return false
	}
	w.visited[i] |= bit
	return true
}

// check checks the elements of a page.
func (w *walk) check(p page, low, high []byte) error {
	switch {
	case p.flags != flagBranch && p.flags != flagLeaf:
		return fmt.Errorf("it is of type %#x", p.flags)
	case pageHeader+p.count*pageElement > p.size:
		return fmt.Errorf("its %d elements do not fit into it", p.count)
	case p.flags == flagBranch && p.count == 0:
		return errors.New("it is a branch without elements")
	}
	for i := range p.count {
		if e := p.element(i); e.end > p.size {
			return fmt.Errorf("element %d passes its end", i)
		}
		key, err := w.key(p, i)
		if err != nil {
			return err
		}
		if c := bytes.Compare(low, key); i == 0 && c > 0 || i > 0 && c >= 0 {
			return fmt.Errorf("key %d is out of order", i)
		}
		if high != nil && bytes.Compare(key, high) >= 0 {
			return fmt.Errorf("key %d belongs into a later page", i)
		}
		low = key
	}
	return nil
}

func (w *walk) key(p page, i int) ([]byte, error) {
	e := p.element(i)
	return w.part(p, e.key, e.keyEnd)
}

func (w *walk) value(p page, i int) ([]byte, error) {
	e := p.element(i)
	return w.part(p, e.keyEnd, e.end)
}

// part returns the bytes between two offsets of a page.
func (w *walk) part(p page, from, to int) ([]byte, error) {
	if to <= len(p.bytes) {
		return p.bytes[from:to], nil
	}
	b := make([]byte, to-from)
	_, err := w.file.ReadAt(b, int64(p.id)*w.page+int64(from))
	return b, err
}
