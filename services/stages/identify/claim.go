package identify

import (
	"mime"
	"path"
	"strings"

	"github.com/gabriel-vasile/mimetype"

	"github.com/millrace/millrace/events"
)

// contradiction says in words what does not fit the content, or nothing.
func contradiction(f events.File, found *mimetype.MIME) string {
	if found == nil {
		return "" // no content contradicts nothing
	}
	if kind := base(f.MediaType); !agrees(found, kind) {
		return "is declared as " + kind
	}
	ext := strings.ToLower(path.Ext(f.Name))
	if kind := byExtension[ext]; !agrees(found, kind) {
		return "its name ends in " + ext
	}
	return ""
}

// base returns a media type without parameters, in lower case, and nothing for
// what is none.
func base(mediaType string) string {
	kind, _, err := mime.ParseMediaType(mediaType)
	if err != nil || !strings.Contains(kind, "/") {
		return ""
	}
	return kind
}

// agrees reports whether content that was found to be of one type may honestly
// be called kind: because it is that type, a special case of it, or the general
// case of which detection cannot tell the special one.
func agrees(found *mimetype.MIME, kind string) bool {
	if saysNothing[kind] || isA(found, kind) || sameSyntax(base(found.String()), kind) {
		return true
	}
	known := mimetype.Lookup(kind)
	if known == nil {
		return agreesUnknown(found, kind)
	}
	for m := known; m.Parent() != nil; m = m.Parent() {
		if found.Is(m.String()) {
			return true
		}
	}
	return false
}

// isA reports whether m is of type kind or a special case of it.
func isA(m *mimetype.MIME, kind string) bool {
	for ; m.Parent() != nil; m = m.Parent() {
		if m.Is(kind) {
			return true
		}
	}
	return false
}

// sameSyntax reports whether one type names nothing but the syntax of the other:
// an SVG file is XML, and what is found to be XML may be an SVG file.
func sameSyntax(a, b string) bool {
	for ending, plain := range syntaxes {
		if plain[a] && (plain[b] || strings.HasSuffix(b, ending)) ||
			plain[b] && strings.HasSuffix(a, ending) {
			return true
		}
	}
	return false
}

// syntaxes are the endings of types that are built on a syntax, with the names
// of the syntax itself.
var syntaxes = map[string]map[string]bool{
	"+xml":  {"text/xml": true, "application/xml": true},
	"+json": {"application/json": true, "application/x-ndjson": true},
}

// agreesUnknown judges a type that detection does not know.
func agreesUnknown(found *mimetype.MIME, kind string) bool {
	if found.Parent() == nil { // neither is the content
		return true
	}
	for _, container := range containers {
		if found.Is(container) {
			return true
		}
	}
	return isA(found, "text/plain") && looksTextual(kind)
}

func looksTextual(kind string) bool {
	for _, end := range []string{"+json", "+xml", "+yaml", "script", "yaml", "sql", "toml"} {
		if strings.HasSuffix(kind, end) {
			return true
		}
	}
	return strings.HasPrefix(kind, "text/")
}

// saysNothing lists declarations that claim nothing about the content.
var saysNothing = map[string]bool{
	"": true, "application/octet-stream": true, "binary/octet-stream": true,
	"application/x-binary": true, "application/unknown": true, "application/x-unknown": true,
	"application/force-download": true, "application/x-download": true,
}

// containers lists types that many formats are built on without detection
// knowing them all.
var containers = []string{
	"text/plain", "text/xml", "application/json", "application/zip", "application/gzip",
	"application/x-ole-storage",
}

// byExtension says what a name claims. It is short on purpose: an ending that
// stands for several formats claims nothing.
var byExtension = map[string]string{
	".7z": "application/x-7z-compressed", ".avi": "video/x-msvideo", ".bmp": "image/bmp",
	".bz2": "application/x-bzip2", ".csv": "text/csv", ".deb": "application/vnd.debian.binary-package",
	".doc": "application/msword", ".epub": "application/epub+zip", ".exe": "application/vnd.microsoft.portable-executable",
	".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	".flac": "audio/flac", ".gif": "image/gif", ".gz": "application/gzip", ".heic": "image/heic",
	".htm": "text/html", ".html": "text/html", ".ico": "image/x-icon", ".jar": "application/java-archive",
	".jpeg": "image/jpeg", ".jpg": "image/jpeg", ".json": "application/json", ".md": "text/markdown",
	".mkv": "video/x-matroska", ".mov": "video/quicktime", ".mp3": "audio/mpeg", ".mp4": "video/mp4",
	".odp": "application/vnd.oasis.opendocument.presentation",
	".ods": "application/vnd.oasis.opendocument.spreadsheet", ".odt": "application/vnd.oasis.opendocument.text",
	".ogg": "application/ogg", ".parquet": "application/vnd.apache.parquet", ".pdf": "application/pdf",
	".png": "image/png", ".ppt": "application/vnd.ms-powerpoint",
	".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
	".ps":   "application/postscript", ".rar": "application/x-rar-compressed", ".rtf": "text/rtf",
	".sqlite": "application/vnd.sqlite3", ".svg": "image/svg+xml", ".tar": "application/x-tar",
	".tgz": "application/gzip", ".tif": "image/tiff", ".tiff": "image/tiff", ".txt": "text/plain",
	".wasm": "application/wasm", ".wav": "audio/wav", ".webm": "video/webm", ".webp": "image/webp",
	".xls":  "application/vnd.ms-excel",
	".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	".xml":  "text/xml", ".xz": "application/x-xz", ".zip": "application/zip", ".zst": "application/zstd",
}
