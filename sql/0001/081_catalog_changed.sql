-- When something was published last: what the metadata documents say in Last-Modified.
ALTER TABLE archive.catalog_version ADD COLUMN changed timestamptz NOT NULL DEFAULT now();
