class Analytics < ActiveRecord::Migration[6.1]
  def change
    create_table(:analytics_events, id: :serial) { |table| table.jsonb :payload }
  end
end
