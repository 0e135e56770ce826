drop function quotas_swap(text, text[], text[], text[], bigint[], bigint[], timestamptz[], bigint[], timestamptz[], timestamptz);
