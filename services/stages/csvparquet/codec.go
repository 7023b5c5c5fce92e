package csvparquet

import (
	"sync"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"
	"github.com/parquet-go/parquet-go/format"
)

// compressions are what pages may be compressed with.
var compressions = map[string]compress.Codec{
	"zstd": &pageCodec{}, "snappy": &parquet.Snappy, "none": &parquet.Uncompressed,
}

// pageWindow is how far back the compression of a page looks.
const pageWindow = 512 << 10

// pageCodec compresses pages with zstd. That of the library sets up its encoders
// for content of 8 MiB, which takes 20 MiB for each.
type pageCodec struct{ encoders, decoders sync.Pool }

// String names the codec.
func (*pageCodec) String() string { return "ZSTD" }

// CompressionCodec is how a file names the codec.
func (*pageCodec) CompressionCodec() format.CompressionCodec { return format.Zstd }

// Encode compresses src into dst.
func (c *pageCodec) Encode(dst, src []byte) ([]byte, error) {
	e, _ := c.encoders.Get().(*zstd.Encoder)
	if e == nil {
		var err error
		e, err = zstd.NewWriter(nil,
			zstd.WithEncoderConcurrency(1),
			zstd.WithWindowSize(pageWindow),
			zstd.WithLowerEncoderMem(true),
			zstd.WithZeroFrames(true),
			zstd.WithEncoderCRC(false), // the store checks what it holds
		)
		if err != nil {
			return nil, err
		}
	}
	defer c.encoders.Put(e)
	return e.EncodeAll(src, dst[:0]), nil
}

// Decode unpacks src into dst.
func (c *pageCodec) Decode(dst, src []byte) ([]byte, error) {
	d, _ := c.decoders.Get().(*zstd.Decoder)
	if d == nil {
		var err error
		if d, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1)); err != nil {
			return nil, err
		}
	}
	defer c.decoders.Put(d)
	return d.DecodeAll(src, dst[:0])
}
