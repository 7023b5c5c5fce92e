package decompress

import (
	"bufio"
	"encoding/binary"
	"io"
)

// The parts of a zstd frame, see RFC 8878.
const (
	frameMagic     = 0xFD2FB528
	skippableMagic = 0x184D2A50 // and the 15 after it
	magicSize      = 4
	lengthSize     = 4 // of a skippable frame
	checksumSize   = 4
	blockHeader    = 3
)

// Kinds of blocks.
const (
	blockRaw = iota
	blockRLE
	blockCompressed
)

// walker hands out a stream of zstd frames in parts that end where a frame ends,
// without unpacking anything: it follows the sizes in the headers.
//
// It judges nothing. What it does not understand it hands out up to the end of
// the stream, for the decoder to find out what is wrong.
type walker struct {
	r *bufio.Reader
	// full says at the end of a frame whether the part ends there.
	full func() bool
	// read is how much of the part was handed out.
	read int64

	left     int64         // bytes to hand out before the next header
	next     func(*walker) // reads the header that follows; nil between frames
	checksum bool          // the frame ends with one
	lost     bool          // the rest is handed out as it is
	ended    bool          // the part is handed out
}

// more reports whether there is anything after the part.
func (w *walker) more() bool {
	_, err := w.r.Peek(1)
	return err == nil
}

// begin starts the next part.
func (w *walker) begin() { w.read, w.ended = 0, false }

// Read hands out bytes of the part.
func (w *walker) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for w.left == 0 && !w.lost && !w.ended {
		w.step()
	}
	if w.ended {
		return 0, io.EOF
	}
	if !w.lost {
		p = p[:min(int64(len(p)), w.left)]
	}
	n, err := w.r.Read(p)
	w.left -= int64(n)
	w.read += int64(n)
	return n, err
}

// step looks at the header that comes next.
func (w *walker) step() {
	if w.next != nil {
		w.next(w)
		return
	}
	if w.read > 0 && w.full() {
		w.ended = true
		return
	}
	w.frame()
}

// frame looks at the beginning of a frame.
func (w *walker) frame() {
	head, _ := w.r.Peek(magicSize + lengthSize) // shorter at the end of the stream
	if len(head) <= magicSize {
		w.lost = true
		return
	}
	magic, head := binary.LittleEndian.Uint32(head), head[magicSize:]
	switch {
	case magic == frameMagic:
		w.left = magicSize + headerLength(head[0])
		w.checksum = head[0]&4 != 0
		w.next = (*walker).block
	case magic&^0xF == skippableMagic && len(head) >= lengthSize:
		w.left = magicSize + lengthSize + int64(binary.LittleEndian.Uint32(head))
	default:
		w.lost = true
	}
}

// headerLength is how long a frame's header is that begins with the descriptor.
func headerLength(descriptor byte) int64 {
	n := int64(1)
	single := descriptor&0x20 != 0
	if !single {
		n++ // size of the window
	}
	n += [4]int64{0, 1, 2, 4}[descriptor&3] // id of the dictionary
	switch size := descriptor >> 6; {       // size of the content
	case size > 0:
		n += 1 << size
	case single:
		n++
	}
	return n
}

// block looks at the header of a block.
func (w *walker) block() {
	head, _ := w.r.Peek(blockHeader)
	if len(head) < blockHeader {
		w.lost = true
		return
	}
	bits := uint32(head[0]) | uint32(head[1])<<8 | uint32(head[2])<<16
	size := int64(bits >> 3)
	switch bits >> 1 & 3 {
	case blockRaw, blockCompressed:
	case blockRLE:
		size = 1
	default:
		w.lost = true
		return
	}
	w.left = blockHeader + size
	if bits&1 == 0 {
		return
	}
	w.next = nil // it was the last
	if w.checksum {
		w.left += checksumSize
	}
}
