package mill

import (
	"net/url"
	"time"

	"github.com/millrace/millrace/pkg/breaker"
	"github.com/millrace/millrace/pkg/pipeline"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/services/stages/command"
	"github.com/millrace/millrace/services/stages/compress"
	"github.com/millrace/millrace/services/stages/decompress"
	"github.com/millrace/millrace/services/stages/fetch"
	"github.com/millrace/millrace/services/stages/hash"
	"github.com/millrace/millrace/services/stages/identify"
	"github.com/millrace/millrace/services/stages/publish"
	"github.com/millrace/millrace/services/stages/simulate"
)
