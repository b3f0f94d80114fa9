# Three databases, each of a role of its own that can enter no other one. Run once, by the first start of the server.
for name in airflow mlflow airloop; do
  variable=$(printf '%s_DB_PASSWORD' "$name" | tr '[:lower:]' '[:upper:]')
  psql --no-psqlrc --username "${POSTGRES_USER:-postgres}" -v ON_ERROR_STOP=1 -v name="$name" -v word="${!variable}" <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'word';
CREATE DATABASE :"name" OWNER :"name";
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
done
