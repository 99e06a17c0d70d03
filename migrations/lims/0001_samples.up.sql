CREATE TABLE materials (
  organization_id uuid NOT NULL,
  id uuid NOT NULL,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  type text NOT NULL CHECK (length(type) BETWEEN 1 AND 100),
  composition jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(composition) = 'object'),
  properties jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(properties) = 'object'),
  supplier text CHECK (length(supplier) <= 200),
  metadata jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
  revision int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, id)
);
CREATE INDEX materials_list ON materials (organization_id, created_at DESC, id DESC);
CREATE INDEX materials_name ON materials (organization_id, name);
CREATE INDEX materials_type ON materials (organization_id, type, created_at DESC, id DESC);
SELECT tenant('materials');

CREATE TABLE samples (
  organization_id uuid NOT NULL,
  id uuid NOT NULL,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  material_type text CHECK (length(material_type) <= 100),
  material_id uuid,
  lot_code text CHECK (length(lot_code) <= 100),
  barcode text CHECK (length(barcode) BETWEEN 1 AND 100),
  location text CHECK (length(location) <= 200),
  dimensions jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(dimensions) = 'object'),
  properties jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(properties) = 'object'),
  metadata jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
  is_deleted boolean NOT NULL DEFAULT false,
  deleted_at timestamptz,
  revision int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, id),
  CONSTRAINT samples_material_fk FOREIGN KEY (organization_id, material_id) REFERENCES materials ON DELETE RESTRICT,
  CONSTRAINT samples_deleted CHECK (is_deleted = (deleted_at IS NOT NULL))
);
CREATE UNIQUE INDEX samples_barcode ON samples (organization_id, barcode) WHERE barcode IS NOT NULL AND NOT is_deleted;
CREATE INDEX samples_list ON samples (organization_id, created_at DESC, id DESC) WHERE NOT is_deleted;
CREATE INDEX samples_list_all ON samples (organization_id, created_at DESC, id DESC);
CREATE INDEX samples_lot ON samples (organization_id, lot_code);
CREATE INDEX samples_material ON samples (organization_id, material_id);
SELECT tenant('samples');
