package gateway

import (
	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/openapi"
)

// uploadFields are what the query of an upload may say of the file.
func uploadFields(s openapi.Shape) openapi.Shape {
	return s.Query("name", "The base name of the file.", openapi.Text()).
		Query("media_type", "What the file is said to be.", openapi.Text()).
		Header("Content-Digest", "sha-256=:BASE64: of the body (RFC 9530). Another body is refused.")
}

func formOfFiles() openapi.Content {
	return openapi.Plain("multipart/form-data", "Files, and fields with the names of the query.")
}

func oneFileBody() openapi.Content { return openapi.Bytes("One file as it is, of any content type.") }

// fileShapes are those of files.
func fileShapes() map[string]openapi.Shape {
	file := openapi.JSON[events.File]()
	ofJob := func(id string) openapi.Shape {
		return openapi.Does(id).Cached().
			Query("job", "A job that has the file, for who may see it but not every file.", openapi.Text()).
			Query("name", "The name to save it under.", openapi.Text()).
			Header("Range", "One range of bytes (RFC 9110).").
			Header("If-Range", "The ETag that a range is of.").
			Tell("Repr-Digest", "Content-Range").Refuse(416)
	}
	return map[string]openapi.Shape{
		"POST /v1/artifacts": uploadFields(openapi.Does("putFile")).Take(oneFileBody(), formOfFiles()).
			Versioned().Tell("Location").Refuse(422).Give(201, file),
		"PUT /v1/artifacts/{digest}": uploadFields(openapi.Does("putFileByDigest")).Take(oneFileBody()).
			Versioned().Refuse(422).Give(201, file),
		"GET /v1/artifacts/{digest}": ofJob("getFile").
			Give(200, openapi.Bytes("The content.")).Give(206, openapi.Bytes("The range.")),
	}
}

// uploadShapes are those of resumable uploads, whose protocol is tus 1.0.0.
func uploadShapes() map[string]openapi.Shape {
	tus := func(id string) openapi.Shape {
		return openapi.Does(id).Header("Tus-Resumable", "The version of the protocol: 1.0.0.").Tell("Tus-Resumable").Refuse(412)
	}
	sent := func(s openapi.Shape) openapi.Shape {
		return s.Header("Upload-Checksum", "An algorithm and the digest of the body in base64.").
			Tell("Upload-Offset", "Upload-Expires", "Millrace-Job", "Millrace-Artifact").Refuse(409, 413, 415, 422)
	}
	bytes := openapi.Bytes("The next bytes of the file.").As("application/offset+octet-stream")
	able := openapi.Does("getUploadAbilities").Tell("Tus-Resumable", "Tus-Extension", "Tus-Max-Size").Give(200).Give(204)
	one := openapi.Does("getUploadAbilitiesOfOne").Tell("Tus-Resumable", "Tus-Extension", "Tus-Max-Size").Give(200).Give(204)
	return map[string]openapi.Shape{
		"OPTIONS /v1/uploads/":     able,
		"OPTIONS /v1/uploads/{id}": one,
		"POST /v1/uploads/": sent(tus("beginUpload")).MayTake(bytes).
			Header("Upload-Length", "The length of the file in bytes.").
			Header("Upload-Defer-Length", "1 when the length is not known yet.").
			Header("Upload-Metadata", "Names and values in base64: filename, filetype, and for a job pipeline, key, param.NAME, label.NAME.").
			Header(api.HeaderIdempotencyKey, "The key of the job, like key in the metadata.").
			Tell("Location").Give(201),
		"HEAD /v1/uploads/{id}": tus("getUpload").
			Tell("Upload-Offset", "Upload-Length", "Upload-Expires", "Millrace-Job", "Millrace-Artifact").Give(200),
		"PATCH /v1/uploads/{id}": sent(tus("continueUpload")).Take(bytes).
			Header("Upload-Offset", "Where the bytes begin: how many have arrived.").
			Header("Upload-Length", "The length of the file in bytes, if it was not known before.").
			Refuse(507).Give(204),
		"DELETE /v1/uploads/{id}": tus("giveUploadUp").Give(204),
	}
}

// pipelineShapes are those of pipelines and stages.
func pipelineShapes() map[string]openapi.Shape {
	file := openapi.Plain(api.ContentTypeYAML, "A pipeline file.")
	applied := openapi.JSON[api.Applied]()
	return map[string]openapi.Shape{
		"GET /v1/pipelines": openapi.Does("listPipelines").Give(200, openapi.JSON[api.PipelineList]()),
		"GET /v1/pipelines/{name}": openapi.Does("getPipeline").Versioned().
			Query("digest", "One version of it. The current one if it is absent.", openapi.Text()).
			Give(200, openapi.JSON[api.Pipeline](), file),
		"PUT /v1/pipelines/{name}": reasoned(openapi.Does("applyPipeline")).Take(file).Versioned().Tell("Location").Refuse(409, 422).
			Give(200, applied).Give(201, applied),
		"GET /v1/pipelines/{name}/versions": openapi.Does("listPipelineVersions").Give(200, openapi.JSON[api.PipelineVersions]()),
		"POST /v1/pipelines:check": openapi.Does("checkPipeline").Take(file).
			Query("file", "What complaints call the file.", openapi.Text()).Give(200, openapi.JSON[api.Checked]()),
		"GET /v1/stages":        openapi.Does("listStages").Give(200, openapi.JSON[api.StageList]()),
		"GET /v1/stages/{name}": openapi.Does("getStage").Give(200, openapi.JSON[api.Stage]()),
	}
}
