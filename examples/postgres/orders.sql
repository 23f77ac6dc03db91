-- A table that can be read as it grows and changes.
CREATE SCHEMA sales;

CREATE TABLE sales.orders (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  customer   text NOT NULL,
  amount     numeric(12, 2) NOT NULL,
  state      text NOT NULL DEFAULT 'open',
  changed_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX ON sales.orders (changed_at, id);

CREATE FUNCTION sales.touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.changed_at := now();
  RETURN NEW;
END $$;

CREATE TRIGGER touch BEFORE UPDATE ON sales.orders FOR EACH ROW EXECUTE FUNCTION sales.touch();

-- A user that can read and do nothing else.
CREATE ROLE sluice LOGIN;
GRANT USAGE ON SCHEMA sales TO sluice;
GRANT SELECT ON sales.orders TO sluice;
